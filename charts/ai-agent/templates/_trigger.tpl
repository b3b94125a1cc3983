{{/* The trigger on the scaler, and those beside it. */}}

{{/* Host and port of the scaler. */}}
{{- define "ai-agent.scalerAddress" -}}
{{- if .Values.scaler.enabled -}}
{{- printf "%s:6000" (include "agent-scaler.host" .Subcharts.scaler) -}}
{{- else -}}
{{- .Values.keda.trigger.address -}}
{{- end -}}
{{- end -}}

{{/* The policy that the trigger names. */}}
{{- define "ai-agent.policyName" -}}
{{- if .Values.keda.trigger.policy -}}
{{- .Values.keda.trigger.policy -}}
{{- else if include "ai-agent.makesDocument" . -}}
{{- .Values.policy.name -}}
{{- else if .Values.scaler.enabled -}}
{{- ((.Values.scaler.config).defaults).policy | default "default" -}}
{{- end -}}
{{- end -}}

{{/* What KEDA needs to know for TLS, as YAML: enabled, mutual, secretName. */}}
{{- define "ai-agent.scalerTls" -}}
{{- $tls := .Values.keda.trigger.tls -}}
{{- if .Values.scaler.enabled -}}
{{- $mutual := .Values.scaler.tls.mutual.enabled -}}
{{- $own := ternary (include "agent-scaler.clientSecretName" .Subcharts.scaler) (include "agent-scaler.tlsSecretName" .Subcharts.scaler) $mutual -}}
{{- dict "enabled" .Values.scaler.tls.enabled "mutual" $mutual "secretName" ($tls.secretName | default $own) | toYaml -}}
{{- else -}}
{{- $tls | toYaml -}}
{{- end -}}
{{- end -}}

{{/* Not empty where this chart makes a TriggerAuthentication. */}}
{{- define "ai-agent.makesAuthentication" -}}
{{- $keda := .Values.keda -}}
{{- if and $keda.enabled $keda.trigger.enabled (not $keda.trigger.authenticationRef.name) -}}
{{- $tls := include "ai-agent.scalerTls" . | fromYaml -}}
{{- if and $tls.enabled $tls.secretName -}}
yes
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The trigger's metadata. A policy that is made here knows the queue's particulars; any other one is told them. */}}
{{- define "ai-agent.triggerMetadata" -}}
{{- $queue := .Values.queue -}}
{{- $keda := .Values.keda -}}
{{- $tls := include "ai-agent.scalerTls" . | fromYaml -}}
{{- $metadata := dict "scalerAddress" (include "ai-agent.scalerAddress" .) "policy" (include "ai-agent.policyName" .) -}}
{{- if $tls.enabled -}}
{{- $_ := set $metadata "enableTLS" "true" -}}
{{- end -}}
{{- if $queue.enabled -}}
{{- $_ := set $metadata "queue" (include "ai-agent.queueName" .) -}}
{{- end -}}
{{- if not (include "ai-agent.makesDocument" .) -}}
{{- $_ := set $metadata "minReplicas" (toString $keda.minReplicaCount) -}}
{{- $_ := set $metadata "maxReplicas" (toString $keda.maxReplicaCount) -}}
{{- if $queue.enabled -}}
{{- $rules := include "ai-agent.queueRules" . | fromYaml -}}
{{- range $key, $name := dict "type" "queueType" "target" "queueTarget" "group" "queueGroup" "processing" "queueProcessing" -}}
{{- with get $rules $key -}}
{{- $_ := set $metadata $name (toString .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- mergeOverwrite $metadata (deepCopy $keda.trigger.metadata) | toYaml -}}
{{- end -}}

{{/* Every trigger. Jobs are never pushed to, so their trigger is KEDA's plain one. */}}
{{- define "ai-agent.triggers" -}}
{{- $trigger := .Values.keda.trigger -}}
{{- if $trigger.enabled }}
- type: {{ ternary "external-push" "external" (eq .Values.keda.kind "ScaledObject") }}
  metadata:
    {{- include "ai-agent.triggerMetadata" . | nindent 4 }}
  {{- if $trigger.authenticationRef.name }}
  authenticationRef: {name: {{ $trigger.authenticationRef.name }}, kind: {{ $trigger.authenticationRef.kind }}}
  {{- else if include "ai-agent.makesAuthentication" . }}
  authenticationRef: {name: {{ include "ai-agent.fullname" . }}}
  {{- end }}
{{- end }}
{{- with .Values.keda.triggers }}
{{ tpl (toYaml .) $ }}
{{- end }}
{{- end -}}

{{/* What the HPA does: at once, in one step, and exactly what the scaler says, which has its own windows against flapping.
     KEDA writes a ScaledObject back with its quantities as Kubernetes spells them; spelt otherwise here, they would be
     KEDA's from then on, and Helm 4 would refuse every upgrade because of the conflict. */}}
{{- define "ai-agent.behavior" -}}
{{- $most := int .Values.keda.maxReplicaCount -}}
{{- $up := dict "stabilizationWindowSeconds" 0 "selectPolicy" "Max" "policies" (list (dict "type" "Pods" "value" $most "periodSeconds" 15)) -}}
{{- $down := dict "stabilizationWindowSeconds" 0 "selectPolicy" "Max" "policies" (list (dict "type" "Percent" "value" 100 "periodSeconds" 15)) -}}
{{- if semverCompare ">=1.35-0" .Capabilities.KubeVersion.Version -}}
{{- $_ := set $up "tolerance" "0" -}}
{{- $_ := set $down "tolerance" "0" -}}
{{- end -}}
{{- $behavior := mergeOverwrite (dict "scaleUp" $up "scaleDown" $down) (deepCopy .Values.keda.behavior) -}}
{{- range $rules := $behavior -}}
{{- if hasKey $rules "tolerance" -}}
{{- $text := toString $rules.tolerance -}}
{{- $_ := set $rules "tolerance" (regexMatch "^0?[.][0-9]{1,3}$" $text | ternary (printf "%.0fm" (mulf (float64 $text) 1000)) $text) -}}
{{- end -}}
{{- end -}}
{{- toYaml $behavior -}}
{{- end -}}

{{/* How long a fresh install is not stopped, in seconds. */}}
{{- define "ai-agent.initialCooldown" -}}
{{- $keda := .Values.keda -}}
{{- ternary (add (int $keda.loadSeconds) 60) (int $keda.initialCooldownPeriod) (kindIs "invalid" $keda.initialCooldownPeriod) -}}
{{- end -}}
