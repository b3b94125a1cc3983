{{/* The variables by which the agent finds its work and its neighbours, as a YAML list (empty: nothing). */}}
{{- define "ai-agent.environment" -}}
{{- end -}}
