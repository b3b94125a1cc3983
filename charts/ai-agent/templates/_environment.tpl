{{/* The variables by which the agent finds its work and its neighbours, as a YAML list (empty: nothing). */}}
{{- define "ai-agent.environment" -}}
{{- $env := list -}}
{{- if .Values.worker.enabled -}}
{{- $env = concat $env (include "ai-agent.workerEnvironment" . | fromYamlArray) -}}
{{- end -}}
{{- with .Values.qdrant -}}
{{- if .enabled -}}
{{- $env = append $env (dict "name" "QDRANT_URL" "value" .url) -}}
{{- if .apiKeySecret.name -}}
{{- $env = append $env (include "ai-agent.fromSecret" (dict "name" "QDRANT_API_KEY" "secret" .apiKeySecret) | fromYaml) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- with .Values.litellm -}}
{{- if .enabled -}}
{{- $env = append $env (dict "name" "LITELLM_BASE_URL" "value" .baseUrl) -}}
{{- $env = append $env (include "ai-agent.fromSecret" (dict "name" "LITELLM_API_KEY" "secret" .virtualKeySecret) | fromYaml) -}}
{{- if .openaiNames -}}
{{- $env = append $env (dict "name" "OPENAI_BASE_URL" "value" .baseUrl) -}}
{{- $env = append $env (include "ai-agent.fromSecret" (dict "name" "OPENAI_API_KEY" "secret" .virtualKeySecret) | fromYaml) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- with $env -}}
{{- toYaml . -}}
{{- end -}}
{{- end -}}

{{/* A variable out of a Secret. Takes a dict: name, and secret with name and key. */}}
{{- define "ai-agent.fromSecret" -}}
name: {{ .name }}
valueFrom:
  secretKeyRef: {name: {{ .secret.name }}, key: {{ .secret.key }}}
{{- end -}}

{{/* What the load lab's worker reads. A password comes before the address that it is put into. */}}
{{- define "ai-agent.workerEnvironment" -}}
{{- $queue := .Values.queue -}}
{{- $worker := .Values.worker -}}
{{- if and $queue.enabled $queue.passwordSecret.name }}
- {{ include "ai-agent.fromSecret" (dict "name" "QUEUE_PASSWORD" "secret" $queue.passwordSecret) | nindent 2 | trim }}
{{- end }}
{{- if $queue.enabled }}
- {name: LOADGEN_BROKER, value: {{ include "ai-agent.broker" . | quote }}}
- {name: LOADGEN_QUEUE, value: {{ include "ai-agent.queueName" . | quote }}}
- {name: LOADGEN_QUEUE_TYPE, value: {{ $queue.type }}}
{{- if and (eq $queue.type "stream") $queue.group }}
- {name: LOADGEN_GROUP, value: {{ $queue.group | quote }}}
{{- end }}
{{- end }}
- {name: LOADGEN_HTTP, value: ":8080"}
- {name: LOADGEN_MODEL_LOAD, value: {{ $worker.loadSeconds }}s}
- {name: LOADGEN_CONCURRENCY, value: {{ $worker.concurrency | quote }}}
- {name: LOADGEN_DRAIN_WITHIN, value: {{ .Values.drain.jobSeconds }}s}
- {name: LOADGEN_GPU, value: {{ $worker.gpu }}}
# Whose GPU it is, in the metrics.
- {name: POD_NAME, valueFrom: {fieldRef: {apiVersion: v1, fieldPath: metadata.name}}}
- {name: POD_NAMESPACE, valueFrom: {fieldRef: {apiVersion: v1, fieldPath: metadata.namespace}}}
- {name: NODE_NAME, valueFrom: {fieldRef: {apiVersion: v1, fieldPath: spec.nodeName}}}
{{- end -}}
