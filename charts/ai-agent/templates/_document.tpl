{{/* The document of the scaler that comes along: one connection and one policy, for this release's queue. */}}

{{/* The name of its ConfigMap. The scaler's chart asks for it too, and sees no values of this one. */}}
{{- define "ai-agent.documentName" -}}
{{- printf "%s-scaler" .Release.Name -}}
{{- end -}}

{{/* Not empty where the document is made here, rather than given in `scaler.config` or a ConfigMap. */}}
{{- define "ai-agent.makesDocument" -}}
{{- if .Values.scaler.enabled -}}
{{- if eq (include "agent-scaler.configMapName" .Subcharts.scaler) (include "ai-agent.documentName" .) -}}
yes
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "ai-agent.document" -}}
{{- $connections := deepCopy .Values.policy.connections -}}
{{- $keda := .Values.keda -}}
{{- $loading := max 600 (int $keda.loadSeconds) -}}
{{- $rules := dict "replicas" (dict "min" (int $keda.minReplicaCount) "max" (int $keda.maxReplicaCount)) "hold" (dict "loading" (printf "%ds" $loading)) -}}
{{- if .Values.queue.enabled -}}
{{- $_ := set $connections "queue" (include "ai-agent.queueConnection" . | fromYaml) -}}
{{- $_ := set $rules "queue" (include "ai-agent.queueRules" . | fromYaml) -}}
{{- end -}}
{{- $rules = mergeOverwrite $rules (deepCopy .Values.policy.rules) -}}
{{- $name := .Values.policy.name -}}
{{- $document := dict "connections" $connections "policies" (dict $name $rules) "defaults" (dict "policy" $name) -}}
{{- if gt (int $keda.maxReplicaCount) 1000 -}}
{{- $_ := set $document "limits" (dict "maxReplicas" (int $keda.maxReplicaCount)) -}}
{{- end -}}
{{- toYaml $document -}}
{{- end -}}

{{- define "ai-agent.queueConnection" -}}
{{- $queue := .Values.queue -}}
{{- $server := include "ai-agent.queueServer" . -}}
type: {{ $server }}
{{- if eq $server "rabbitmq" }}
{{- with $queue.address }}
amqp: {{ . | quote }}
{{- end }}
{{- with $queue.management }}
management: {{ . | quote }}
{{- end }}
vhost: {{ $queue.vhost | quote }}
{{- else }}
addresses: [{{ include "ai-agent.queueAddress" . | quote }}]
{{- with $queue.database }}
database: {{ int . }}
{{- end }}
{{- end }}
{{- with $queue.username }}
username: {{ . | quote }}
{{- end }}
{{- if $queue.passwordSecret.name }}
password: {file: {{ printf "/etc/scaler/secrets/queue/%s" $queue.passwordSecret.key }}}
{{- end }}
{{- if $queue.tls.enabled }}
tls: {{ ternary (dict "ca" $queue.tls.ca) dict (ne $queue.tls.ca "") | toJson }}
{{- end }}
{{- end -}}

{{- define "ai-agent.queueRules" -}}
{{- $queue := .Values.queue -}}
connection: queue
type: {{ $queue.type }}
{{- with $queue.target }}
target: {{ . }}
{{- end }}
{{- if and (eq $queue.type "stream") $queue.group }}
group: {{ $queue.group | quote }}
{{- end }}
{{- if and (eq $queue.type "list") $queue.processing }}
processing: {{ $queue.processing | quote }}
{{- end }}
{{- end -}}
