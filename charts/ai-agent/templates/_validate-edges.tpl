{{/* What the values of what is around the pod say of each other. */}}
{{- define "ai-agent.validateEdges" -}}
{{- end -}}
