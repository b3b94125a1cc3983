{{/* What the values of what is around the pod say of each other. */}}
{{- define "ai-agent.validateEdges" -}}
{{- if .Values.keda.enabled -}}
{{- include "ai-agent.validateScaler" . -}}
{{- include "ai-agent.validateTimes" . -}}
{{- include "ai-agent.validateTriggers" . -}}
{{- include "ai-agent.validateTriggerTls" . -}}
{{- else if .Values.scaler.enabled -}}
{{- fail "keda.enabled is false, so nobody asks the scaler: set scaler.enabled to false too." -}}
{{- end -}}
{{- include "ai-agent.validateQueue" . -}}
{{- if include "ai-agent.makesDocument" . -}}
{{- include "ai-agent.validatePolicy" . -}}
{{- end -}}
{{- include "ai-agent.validateNeighbours" . -}}
{{- include "ai-agent.validateNetworkPolicy" . -}}
{{- include "ai-agent.validateMonitoring" . -}}
{{- end -}}

{{/* Which scaler, and which of its policies. */}}
{{- define "ai-agent.validateScaler" -}}
{{- $trigger := .Values.keda.trigger -}}
{{- if .Values.scaler.enabled -}}
{{- if not $trigger.enabled -}}
{{- fail "keda.trigger.enabled is false, so nobody asks the scaler: set scaler.enabled to false too." -}}
{{- end -}}
{{- if $trigger.address -}}
{{- fail (printf "keda.trigger.address names the scaler %s, and scaler.enabled brings another one along: set scaler.enabled to false, or leave the address out." $trigger.address) -}}
{{- end -}}
{{- if eq (include "ai-agent.fullname" .) (include "agent-scaler.fullname" .Subcharts.scaler) -}}
{{- fail (printf "the agent and its scaler are both called %s: set fullnameOverride or scaler.fullnameOverride." (include "ai-agent.fullname" .)) -}}
{{- end -}}
{{- $policies := list .Values.policy.name -}}
{{- if not (include "ai-agent.makesDocument" .) -}}
{{- $policies = keys ((.Values.scaler.config).policies | default dict) | sortAlpha -}}
{{- end -}}
{{- if and $policies (not (has (include "ai-agent.policyName" .) $policies)) -}}
{{- fail (printf "keda.trigger.policy is %q, which the scaler's document does not have: name one of %s." (include "ai-agent.policyName" .) (join ", " $policies)) -}}
{{- end -}}
{{- else if $trigger.enabled -}}
{{- if not $trigger.address -}}
{{- fail "scaler.enabled is false: name the scaler that is there in keda.trigger.address, such as agent-scaler.keda.svc:6000." -}}
{{- end -}}
{{- if not $trigger.policy -}}
{{- fail (printf "keda.trigger.policy is empty: name a policy of the scaler at %s." $trigger.address) -}}
{{- end -}}
{{- end -}}
{{- range $key := list "scalerAddress" "policy" "queue" "enableTLS" -}}
{{- if hasKey $trigger.metadata $key -}}
{{- fail (printf "keda.trigger.metadata sets %s, which is the chart's own: use keda.trigger or queue instead." $key) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "ai-agent.validateTimes" -}}
{{- $keda := .Values.keda -}}
{{- if gt (int $keda.minReplicaCount) (int $keda.maxReplicaCount) -}}
{{- fail (printf "keda.minReplicaCount is %d, more than the %d of keda.maxReplicaCount: change one of them." (int $keda.minReplicaCount) (int $keda.maxReplicaCount)) -}}
{{- end -}}
{{- if .Values.probes.startup.enabled -}}
{{- $budget := mul .Values.probes.startup.periodSeconds .Values.probes.startup.failureThreshold | int -}}
{{- if gt (int $keda.loadSeconds) $budget -}}
{{- fail (printf "keda.loadSeconds is %d, more than the %d seconds that probes.startup gives: raise probes.startup.failureThreshold." (int $keda.loadSeconds) $budget) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.worker.enabled (ge (int .Values.worker.loadSeconds) (int $keda.loadSeconds)) -}}
{{- fail (printf "worker.loadSeconds is %d, not below the %d of keda.loadSeconds: raise that too." (int .Values.worker.loadSeconds) (int $keda.loadSeconds)) -}}
{{- end -}}
{{- if eq $keda.kind "ScaledObject" -}}
{{- if and $keda.fallback.enabled (lt (int $keda.fallback.replicas) 1) -}}
{{- fail "keda.fallback.replicas is 0: when a source is down it would stop everything. Set it to 1 or more, or set keda.fallback.enabled to false, so that nothing changes then." -}}
{{- end -}}
{{- if lt (int $keda.cooldownPeriod) (mul 3 $keda.pollingInterval | int) -}}
{{- fail (printf "keda.cooldownPeriod is %d, less than three polls of %d seconds: set it to %d or more, so that a late poll stops nothing." (int $keda.cooldownPeriod) (int $keda.pollingInterval) (mul 3 $keda.pollingInterval)) -}}
{{- end -}}
{{- if le (include "ai-agent.initialCooldown" . | int) (int $keda.loadSeconds) -}}
{{- fail (printf "keda.initialCooldownPeriod is %s, not above the %d of keda.loadSeconds: a fresh install would be stopped while it loads. Raise it, or leave it out." (include "ai-agent.initialCooldown" .) (int $keda.loadSeconds)) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Something has to see work while nothing runs. */}}
{{- define "ai-agent.validateTriggers" -}}
{{- $keda := .Values.keda -}}
{{- if not (or $keda.trigger.enabled $keda.triggers) -}}
{{- fail "keda has no triggers: set keda.trigger.enabled, or add some to keda.triggers." -}}
{{- end -}}
{{- $wakes := $keda.trigger.enabled -}}
{{- range $keda.triggers -}}
{{- $own := has .type (list "cpu" "memory") -}}
{{- if and $own (eq $keda.kind "ScaledJob") -}}
{{- fail (printf "keda.triggers has one of the type %s, which measures replicas, and Jobs have none: remove it, or set keda.kind to ScaledObject." .type) -}}
{{- end -}}
{{- $gpu := regexMatch "(?i)dcgm|gpu|nvml" (.metadata.query | default "") -}}
{{- if not (or $own $gpu) -}}
{{- $wakes = true -}}
{{- end -}}
{{- end -}}
{{- if and (not $wakes) (eq (int $keda.minReplicaCount) 0) -}}
{{- fail "keda.minReplicaCount is 0, but no trigger could ever wake the agent: while nothing runs there is no CPU, memory or GPU to measure. Set keda.minReplicaCount to 1, or add a trigger that sees work (keda.trigger with a queue, or one in keda.triggers)." -}}
{{- end -}}
{{- end -}}

{{- define "ai-agent.validateTriggerTls" -}}
{{- $trigger := .Values.keda.trigger -}}
{{- if $trigger.enabled -}}
{{- if and .Values.scaler.enabled (or $trigger.tls.enabled $trigger.tls.mutual) -}}
{{- fail "keda.trigger.tls is for a scaler that is there already: say it in scaler.tls, and leave out keda.trigger.tls.enabled and keda.trigger.tls.mutual." -}}
{{- end -}}
{{- $tls := include "ai-agent.scalerTls" . | fromYaml -}}
{{- if and (not $tls.enabled) (or $trigger.tls.secretName $trigger.tls.mutual $trigger.authenticationRef.name) -}}
{{- fail "keda.trigger has settings for TLS, which is off: set keda.trigger.tls.enabled (or scaler.tls.enabled), or remove keda.trigger.tls and keda.trigger.authenticationRef." -}}
{{- end -}}
{{- if and $tls.mutual (not $tls.secretName) (not $trigger.authenticationRef.name) -}}
{{- fail "KEDA has no certificate to show the scaler: name a Secret with it in keda.trigger.tls.secretName, or a TriggerAuthentication in keda.trigger.authenticationRef.name." -}}
{{- end -}}
{{- end -}}
{{- end -}}
