{{/* What one value says of another; each refusal is a sentence that says what to change. */}}
{{- define "ai-agent.validate" -}}
{{- include "ai-agent.validatePod" . -}}
{{- include "ai-agent.validateEdges" . -}}
{{- end -}}
