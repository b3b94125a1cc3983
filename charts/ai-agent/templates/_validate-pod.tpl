{{/* What the values of the pod and its storage say of each other. */}}
{{- define "ai-agent.validatePod" -}}
{{- end -}}
