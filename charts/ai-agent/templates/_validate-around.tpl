{{/* What the values of the queue, the policy, the neighbours and the monitoring say of each other. */}}

{{- define "ai-agent.validateQueue" -}}
{{- $queue := .Values.queue -}}
{{- $server := include "ai-agent.queueServer" . -}}
{{- if .Values.worker.enabled -}}
{{- if not $queue.enabled -}}
{{- fail "worker.enabled needs a queue: set queue.enabled, or set worker.enabled to false and image and command to those of your own agent." -}}
{{- end -}}
{{- if not (has $queue.type (list "list" "stream" "rabbitmq")) -}}
{{- fail (printf "queue.type is %s, which the load lab's worker does not read: set worker.enabled to false and image and command to those of your own agent, or use list, stream or rabbitmq." $queue.type) -}}
{{- end -}}
{{- if and (eq $queue.type "list") (ne $queue.processing "$queue:processing") -}}
{{- fail (printf "queue.processing is %q, and the load lab's worker keeps what it took on $queue:processing: leave queue.processing out, or set worker.enabled to false and image and command to those of your own agent." $queue.processing) -}}
{{- end -}}
{{- if and .Values.keda.enabled (eq .Values.keda.kind "ScaledJob") -}}
{{- fail "keda.kind is ScaledJob, and the load lab's worker never ends by itself: set worker.enabled to false and image and command to those of an agent that does, or keda.kind to ScaledObject." -}}
{{- end -}}
{{- end -}}
{{- if $queue.enabled -}}
{{- if and $queue.management (ne $server "rabbitmq") -}}
{{- fail (printf "queue.management is RabbitMQ's, and queue.type is %s: remove it, or set queue.type to rabbitmq." $queue.type) -}}
{{- end -}}
{{- if not (or (include "ai-agent.queueAddress" .) (and $queue.management (not .Values.worker.enabled))) -}}
{{- if eq $server "rabbitmq" -}}
{{- fail "queue.address is empty, and there is no RabbitMQ to try with: name yours there, such as rabbitmq.ai.svc:5672." -}}
{{- end -}}
{{- fail "queue.address is empty and redis.enabled is false: name your Redis there, such as redis.ai.svc:6379, or set redis.enabled to try with one." -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The document that is made for the scaler; the scaler's own schema has looked at its parts. */}}
{{- define "ai-agent.validatePolicy" -}}
{{- $queue := .Values.queue -}}
{{- $rules := .Values.policy.rules -}}
{{- if hasKey $rules "replicas" -}}
{{- fail "policy.rules.replicas is what keda.minReplicaCount and keda.maxReplicaCount say: remove it." -}}
{{- end -}}
{{- if and $queue.enabled (hasKey .Values.policy.connections "queue") -}}
{{- fail "policy.connections.queue is the name of the connection that is made from queue: call yours something else." -}}
{{- end -}}
{{- if not (or $queue.enabled $rules.queue $rules.requests) -}}
{{- fail "the policy has no demand, and a GPU never wakes anything: set queue.enabled, or policy.rules.requests." -}}
{{- end -}}
{{- if and $queue.enabled $queue.passwordSecret.name -}}
{{- $mounted := false -}}
{{- range .Values.scaler.secrets -}}
{{- if eq (.directory | default .name) "queue" -}}
{{- $mounted = true -}}
{{- end -}}
{{- end -}}
{{- if not $mounted -}}
{{- fail (printf "queue.passwordSecret is %s, which the scaler does not mount: add {name: %s, directory: queue} to scaler.secrets." $queue.passwordSecret.name $queue.passwordSecret.name) -}}
{{- end -}}
{{- end -}}
{{- $document := include "ai-agent.document" . | fromYaml -}}
{{- range $signal := list "queue" "requests" "gpu" -}}
{{- $connection := (get (get $document.policies $.Values.policy.name) $signal | default dict).connection -}}
{{- if and $connection (not (hasKey $document.connections $connection)) -}}
{{- fail (printf "policy.rules.%s.connection is %q, which policy.connections does not have: add it there, or name one of: %s." $signal $connection (keys $document.connections | sortAlpha | join ", " | default "(there are none)")) -}}
{{- end -}}
{{- end -}}
{{- include "agent-scaler.validateSecrets" (dict "Values" (mergeOverwrite (deepCopy .Values.scaler) (dict "config" $document))) -}}
{{- end -}}

{{- define "ai-agent.validateNeighbours" -}}
{{- $litellm := .Values.litellm -}}
{{- if $litellm.enabled -}}
{{- if not $litellm.virtualKeySecret.name -}}
{{- fail "litellm.enabled needs the agent's virtual key: name its Secret in litellm.virtualKeySecret.name." -}}
{{- end -}}
{{- range .Values.env -}}
{{- if regexMatch "^(OPENAI|AZURE|AZURE_OPENAI|ANTHROPIC|GEMINI|GOOGLE|MISTRAL|COHERE|GROQ|TOGETHER|TOGETHERAI|FIREWORKS|DEEPSEEK|OPENROUTER|PERPLEXITYAI|XAI|HUGGINGFACE|REPLICATE)_API_KEY$" .name -}}
{{- fail (printf "env sets %s, a provider's key, which stays with the gateway: remove it. The agent has LITELLM_API_KEY, and with litellm.openaiNames the same as OPENAI_API_KEY." .name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- with .Values.qdrant.alias -}}
{{- $own := printf "%s.%s.svc" .name $.Release.Namespace -}}
{{- if and .enabled (hasPrefix $own (urlParse $.Values.qdrant.url).host) -}}
{{- fail (printf "qdrant.alias.name is %q, the name of qdrant.url's own Service in this namespace: leave qdrant.alias.enabled out, or choose another name." .name) -}}
{{- end -}}
{{- end -}}
{{- with $litellm.externalSecret -}}
{{- if and .enabled (not .store.name) -}}
{{- fail "litellm.externalSecret.enabled needs a store: name it in litellm.externalSecret.store.name." -}}
{{- end -}}
{{- if and .enabled (not .data) -}}
{{- fail "litellm.externalSecret.enabled needs keys: list them in litellm.externalSecret.data." -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "ai-agent.validateNetworkPolicy" -}}
{{- $policy := .Values.networkPolicy -}}
{{- $download := $policy.egress.download -}}
{{- if $policy.enabled -}}
{{- if eq $policy.flavour "cilium" -}}
{{- if $download.cidrs -}}
{{- fail "networkPolicy.egress.download.cidrs is for the flavour kubernetes: cilium lets out by name, use networkPolicy.egress.download.hosts." -}}
{{- end -}}
{{- if and .Values.download.enabled (not .Values.download.files) (not $download.hosts) -}}
{{- fail "networkPolicy cannot tell where download.command gets models from: name the hosts in networkPolicy.egress.download.hosts." -}}
{{- end -}}
{{- else if $download.hosts -}}
{{- fail "networkPolicy.egress.download.hosts is for the flavour cilium: a NetworkPolicy knows no names, use networkPolicy.egress.download.cidrs." -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "ai-agent.validateMonitoring" -}}
{{- $names := list -}}
{{- range .Values.ports -}}
{{- $names = append $names .name -}}
{{- end -}}
{{- range $monitor := list "serviceMonitor" "podMonitor" -}}
{{- $given := get $.Values $monitor -}}
{{- if and $given.enabled (not (has $given.port $names)) -}}
{{- fail (printf "%s.port is %q, which ports does not have: name one of %s." $monitor $given.port (join ", " $names | default "(there are none)")) -}}
{{- end -}}
{{- end -}}
{{- if .Values.serviceMonitor.enabled -}}
{{- if .Values.podMonitor.enabled -}}
{{- fail "serviceMonitor and podMonitor are both enabled: Prometheus would count everything twice. Choose one." -}}
{{- end -}}
{{- if or (not .Values.service.enabled) (and .Values.keda.enabled (eq .Values.keda.kind "ScaledJob")) -}}
{{- fail "serviceMonitor goes by a Service, and there is none: use podMonitor instead." -}}
{{- end -}}
{{- end -}}
{{- end -}}
