{{/* Names and labels. */}}

{{- define "ai-agent.name" -}}
{{- .Values.nameOverride | default "ai-agent" | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* 54 characters at most: KEDA calls its HPA `keda-hpa-` and the ScaledObject's name, and that has to fit 63. */}}
{{- define "ai-agent.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 54 | trimSuffix "-" -}}
{{- else if contains (include "ai-agent.name" .) .Release.Name -}}
{{- .Release.Name | trunc 54 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "ai-agent.name" .) | trunc 54 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* The name of an object beside the workload: `<fullname>-<suffix>`. Takes a dict: root, suffix, and as needed the
     longest that it may be. What has to be cut gets a hash, so that two releases never share a name. */}}
{{- define "ai-agent.named" -}}
{{- $whole := printf "%s-%s" (include "ai-agent.fullname" .root) .suffix -}}
{{- $most := .most | default 63 | int -}}
{{- if le (len $whole) $most -}}
{{- $whole -}}
{{- else -}}
{{- $kept := sub (sub $most (len .suffix)) 8 | int -}}
{{- printf "%s-%s-%s" (include "ai-agent.fullname" .root | trunc $kept | trimSuffix "-") (sha256sum $whole | trunc 6) .suffix -}}
{{- end -}}
{{- end -}}

{{/* The labels that pick the agent's pods. */}}
{{- define "ai-agent.selector" -}}
app.kubernetes.io/name: {{ include "ai-agent.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: agent
{{- end -}}

{{/* The labels of every object; what they share with the pod's, the Deployment never selects more than. */}}
{{- define "ai-agent.labels" -}}
{{- $own := dict
  "app.kubernetes.io/name" (include "ai-agent.name" .)
  "app.kubernetes.io/instance" .Release.Name
  "app.kubernetes.io/version" (.Chart.AppVersion | replace "+" "_")
  "app.kubernetes.io/managed-by" .Release.Service
  "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-")
-}}
{{- mergeOverwrite (deepCopy .Values.commonLabels) $own | toYaml -}}
{{- end -}}

{{/* What stands under `metadata:`. Takes a dict: root, and as needed name, component, labels, annotations. */}}
{{- define "ai-agent.metadata" -}}
{{- $labels := mergeOverwrite (deepCopy (.labels | default dict)) (include "ai-agent.labels" .root | fromYaml) -}}
{{- $_ := set $labels "app.kubernetes.io/component" (.component | default "agent") -}}
{{- $annotations := mergeOverwrite (deepCopy .root.Values.commonAnnotations) (.annotations | default dict) -}}
name: {{ .name | default (include "ai-agent.fullname" .root) }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- toYaml $labels | nindent 2 }}
{{- with $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "ai-agent.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (include "ai-agent.fullname" .) -}}
{{- end -}}

{{/* An image. Takes a dict: root, and image, a map with registry, repository, tag and digest. */}}
{{- define "ai-agent.image" -}}
{{- $registry := (.root.Values.global).imageRegistry | default .image.registry | default "" -}}
{{- $name := ternary (printf "%s/%s" $registry .image.repository) .image.repository (ne $registry "") -}}
{{- $tag := ternary .root.Chart.AppVersion .image.tag (kindIs "invalid" .image.tag) -}}
{{- $name -}}
{{- with $tag -}}
{{- printf ":%s" . -}}
{{- end -}}
{{- with .image.digest -}}
{{- printf "@%s" . -}}
{{- end -}}
{{- end -}}
