{{/* The pods of `helm test`. */}}

{{/* What every one of them says under `metadata:`. Takes a dict: root, suffix. */}}
{{- define "ai-agent.testMetadata" -}}
{{- include "ai-agent.metadata" (dict
  "root" .root
  "name" (include "ai-agent.named" (dict "root" .root "suffix" (printf "test-%s" .suffix)))
  "component" "test"
  "annotations" (dict "helm.sh/hook" "test" "helm.sh/hook-delete-policy" "before-hook-creation,hook-succeeded")
) -}}
{{- end -}}

{{/* A container that asks one question. Takes a dict: root, check, env (a list), and as needed mounts and resources. */}}
{{- define "ai-agent.testContainer" -}}
{{- $image := .root.Values.test.image -}}
name: {{ .check }}
image: {{ include "ai-agent.image" (dict "root" .root "image" $image) | quote }}
imagePullPolicy: {{ $image.pullPolicy }}
command:
  - python
  - -c
  - |
    {{- .root.Files.Get "files/check.py" | nindent 4 }}
env:
  - {name: CHECK, value: {{ .check }}}
  {{- with .env }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
resources:
  {{- mergeOverwrite (dict "requests" (dict "cpu" "50m" "memory" "64Mi") "limits" (dict "memory" "128Mi")) (.resources | default dict) | toYaml | nindent 2 }}
securityContext:
  {{- include "ai-agent.securityContext" .root | nindent 2 }}
{{- with .mounts }}
volumeMounts:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* The containers that ask who answers, as YAML; empty if there is nobody to ask. A scaler that comes along has a test of its own. */}}
{{- define "ai-agent.testConnections" -}}
{{- $keda := .Values.keda -}}
{{- if and .Values.test.scaler $keda.enabled $keda.trigger.enabled (not .Values.scaler.enabled) }}
{{- $env := list (dict "name" "SCALER_ADDRESS" "value" $keda.trigger.address) -}}
{{- with include "ai-agent.testTls" . }}
{{- $env = append $env (dict "name" "SCALER_TLS" "value" .) -}}
{{- end }}
{{- $mounts := ternary (list (dict "name" "trust" "mountPath" "/trust" "readOnly" true)) list (has (include "ai-agent.testTls" .) (list "server" "mutual")) }}
- {{- include "ai-agent.testContainer" (dict "root" . "check" "scaler" "env" $env "mounts" $mounts) | nindent 2 }}
{{- end }}
{{- if .Values.qdrant.enabled }}
- {{- include "ai-agent.testContainer" (dict "root" . "check" "qdrant" "env" (list (dict "name" "QDRANT_URL" "value" .Values.qdrant.url))) | nindent 2 }}
{{- end }}
{{- if .Values.litellm.enabled }}
- {{- include "ai-agent.testContainer" (dict "root" . "check" "litellm" "env" (list (dict "name" "LITELLM_BASE_URL" "value" .Values.litellm.baseUrl))) | nindent 2 }}
{{- end }}
{{- end -}}

{{/* How the scaler that is there already is asked: empty (no TLS), public (authorities of the image), server or mutual. */}}
{{- define "ai-agent.testTls" -}}
{{- with .Values.keda.trigger.tls -}}
{{- if .enabled -}}
{{- ternary (ternary "mutual" "server" .mutual) "public" (ne .secretName "") -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Where the agent may run, without how it spreads: a test's pod is not one of those that are spread. */}}
{{- define "ai-agent.testPlacement" -}}
{{- omit (include "ai-agent.placement" . | fromYaml) "topologySpreadConstraints" | toJson -}}
{{- end -}}
