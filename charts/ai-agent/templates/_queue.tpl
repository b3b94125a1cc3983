{{/* The queue that brings the work. */}}

{{- define "ai-agent.queueName" -}}
{{- .Values.queue.name | default (printf "%s-jobs" (include "ai-agent.fullname" .)) -}}
{{- end -}}

{{/* redis or rabbitmq. */}}
{{- define "ai-agent.queueServer" -}}
{{- ternary "rabbitmq" "redis" (eq .Values.queue.type "rabbitmq") -}}
{{- end -}}

{{/* The Redis to try with: not empty where it is made. */}}
{{- define "ai-agent.triesRedis" -}}
{{- $queue := .Values.queue -}}
{{- if and $queue.enabled .Values.redis.enabled (not $queue.address) (eq (include "ai-agent.queueServer" .) "redis") -}}
yes
{{- end -}}
{{- end -}}

{{- define "ai-agent.tryRedisName" -}}
{{- include "ai-agent.named" (dict "root" . "suffix" "try-redis") -}}
{{- end -}}

{{- define "ai-agent.tryRedisSelector" -}}
app.kubernetes.io/name: {{ include "ai-agent.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: try-redis
{{- end -}}

{{/* Host and port of the server that keeps the queue. */}}
{{- define "ai-agent.queueAddress" -}}
{{- if include "ai-agent.triesRedis" . -}}
{{- printf "%s.%s.svc:6379" (include "ai-agent.tryRedisName" .) .Release.Namespace -}}
{{- else -}}
{{- .Values.queue.address -}}
{{- end -}}
{{- end -}}

{{/* The address as a URL. The password is put in by the kubelet, out of the variable before it. */}}
{{- define "ai-agent.broker" -}}
{{- $queue := .Values.queue -}}
{{- $rabbit := eq (include "ai-agent.queueServer" .) "rabbitmq" -}}
{{- $scheme := ternary (ternary "amqps" "amqp" $queue.tls.enabled) (ternary "rediss" "redis" $queue.tls.enabled) $rabbit -}}
{{- $login := ternary (printf "%s:$(QUEUE_PASSWORD)@" $queue.username) (ternary (printf "%s@" $queue.username) "" (ne $queue.username "")) (ne $queue.passwordSecret.name "") -}}
{{- $path := ternary (urlquery $queue.vhost) (toString $queue.database) $rabbit -}}
{{- printf "%s://%s%s/%s" $scheme $login (include "ai-agent.queueAddress" .) $path -}}
{{- end -}}
