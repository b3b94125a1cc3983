{{/* Names and labels. */}}

{{- define "agent-scaler.name" -}}
{{- .Values.nameOverride | default "agent-scaler" | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "agent-scaler.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains (include "agent-scaler.name" .) .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "agent-scaler.name" .) | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "agent-scaler.selector" -}}
app.kubernetes.io/name: {{ include "agent-scaler.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: scaler
{{- end -}}

{{/* The labels of every object; what they share with the pod's, the Deployment never selects more than. */}}
{{- define "agent-scaler.labels" -}}
{{- $own := dict
  "app.kubernetes.io/name" (include "agent-scaler.name" .)
  "app.kubernetes.io/instance" .Release.Name
  "app.kubernetes.io/version" (.Chart.AppVersion | replace "+" "_")
  "app.kubernetes.io/managed-by" .Release.Service
  "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-")
-}}
{{- mergeOverwrite (deepCopy .Values.commonLabels) $own | toYaml -}}
{{- end -}}

{{/* What stands under `metadata:`. Takes a dict: root, and as needed name, namespace, component, labels, annotations. */}}
{{- define "agent-scaler.metadata" -}}
{{- $labels := mergeOverwrite (deepCopy (.labels | default dict)) (include "agent-scaler.labels" .root | fromYaml) -}}
{{- $_ := set $labels "app.kubernetes.io/component" (.component | default "scaler") -}}
{{- $annotations := mergeOverwrite (deepCopy .root.Values.commonAnnotations) (.annotations | default dict) -}}
name: {{ .name | default (include "agent-scaler.fullname" .root) }}
{{- if not .everywhere }}
namespace: {{ .namespace | default .root.Release.Namespace }}
{{- end }}
labels:
  {{- toYaml $labels | nindent 2 }}
{{- with $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "agent-scaler.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (include "agent-scaler.fullname" .) -}}
{{- end -}}

{{/* The ConfigMap that somebody else makes; empty if there is none. */}}
{{- define "agent-scaler.existingConfigMap" -}}
{{- tpl .Values.existingConfigMap . | trim -}}
{{- end -}}

{{- define "agent-scaler.configMapName" -}}
{{- include "agent-scaler.existingConfigMap" . | default (include "agent-scaler.fullname" .) -}}
{{- end -}}

{{- define "agent-scaler.stateClaimName" -}}
{{- .Values.state.claim.existingClaim | default (printf "%s-state" (include "agent-scaler.fullname" .)) -}}
{{- end -}}

{{- define "agent-scaler.host" -}}
{{- printf "%s.%s.svc" (include "agent-scaler.fullname" .) .Release.Namespace -}}
{{- end -}}

{{/* The Secret with the server's certificate. */}}
{{- define "agent-scaler.tlsSecretName" -}}
{{- .Values.tls.secretName | default (printf "%s-tls" (include "agent-scaler.fullname" .)) -}}
{{- end -}}

{{/* The Secret with the authorities of the clients. */}}
{{- define "agent-scaler.clientCaSecretName" -}}
{{- .Values.tls.mutual.caSecretName | default (include "agent-scaler.tlsSecretName" .) -}}
{{- end -}}

{{/* The Secret with the certificate that KEDA shows; empty if nobody has said. */}}
{{- define "agent-scaler.clientSecretName" -}}
{{- if .Values.tls.mutual.clientSecretName -}}
{{- .Values.tls.mutual.clientSecretName -}}
{{- else if .Values.tls.certManager.enabled -}}
{{- printf "%s-keda" (include "agent-scaler.fullname" .) -}}
{{- end -}}
{{- end -}}

{{- define "agent-scaler.image" -}}
{{- $image := .Values.image -}}
{{- $registry := (.Values.global).imageRegistry | default $image.registry -}}
{{- $name := ternary (printf "%s/%s" $registry $image.repository) $image.repository (ne $registry "") -}}
{{- $tag := ternary .Chart.AppVersion $image.tag (kindIs "invalid" $image.tag) -}}
{{- if $image.digest -}}
{{- printf "%s:%s@%s" $name $tag $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $name $tag -}}
{{- end -}}
{{- end -}}
