{{/* How many agents there are, and how one follows the other. */}}

{{/* Not empty where each agent is a Job that ends by itself. */}}
{{- define "ai-agent.endsByItself" -}}
{{- if and .Values.keda.enabled (eq .Values.keda.kind "ScaledJob") -}}
yes
{{- end -}}
{{- end -}}

{{/* The most agents at a time. */}}
{{- define "ai-agent.maxReplicas" -}}
{{- ternary .Values.keda.maxReplicaCount .Values.replicas .Values.keda.enabled | int -}}
{{- end -}}

{{/* A claim that one pod holds would let a rolling update wait for ever, and so would GPUs that are all in use. */}}
{{- define "ai-agent.strategy" -}}
{{- if .Values.strategy -}}
{{- toYaml .Values.strategy -}}
{{- else if include "ai-agent.heldClaims" . | fromJsonArray -}}
type: Recreate
{{- else if (include "ai-agent.gpu" . | fromJson).enabled -}}
type: RollingUpdate
rollingUpdate: {maxSurge: 0, maxUnavailable: 1}
{{- else -}}
type: RollingUpdate
rollingUpdate: {maxSurge: 1, maxUnavailable: 0}
{{- end -}}
{{- end -}}

{{/* Seconds that an agent may take until it is ready: its startup, and before it the download. */}}
{{- define "ai-agent.startupBudget" -}}
{{- $budget := 0 -}}
{{- with .Values.probes.startup -}}
{{- $budget = ternary (mul .periodSeconds .failureThreshold) 0 .enabled -}}
{{- end -}}
{{- add $budget (ternary .Values.download.timeoutSeconds 0 .Values.download.enabled) | int -}}
{{- end -}}

{{- define "ai-agent.progressDeadline" -}}
{{- .Values.progressDeadlineSeconds | default (add (include "ai-agent.startupBudget" . | int) 300) | int -}}
{{- end -}}
