{{/* The alerts by the names of their values: the alert's name, its expression, what it says. In an expression PODS, CLAIMS,
     SCALED and SCALER stand for the matchers of the agent's pods, its claims, its ScaledObject and its scaler (on the dashboard
     DEPLOYMENT and JOBS too); dcgm-exporter's labels of pods begin with `exported_` or do not, as Prometheus is set up. */}}
{{- define "ai-agent.alerts" -}}
gpuMemory:
  alert: AgentGpuMemoryNearlyFull
  expr: >-
    (DCGM_FI_DEV_FB_USED{EXPORTED} / (DCGM_FI_DEV_FB_USED{EXPORTED} + DCGM_FI_DEV_FB_FREE{EXPORTED}) > ABOVE)
    or
    (DCGM_FI_DEV_FB_USED{PODS} / (DCGM_FI_DEV_FB_USED{PODS} + DCGM_FI_DEV_FB_FREE{PODS}) > ABOVE)
  summary: {{ "A GPU of NAME has hardly any memory left" | quote }}
  description: {{ "{{ $value | humanizePercentage }} of the memory of GPU {{ $labels.gpu }} on {{ $labels.Hostname }} is in use: the next request may fail. A longer context, more requests at a time or a neighbour looks like this." | quote }}
claimFillingUp:
  alert: AgentModelClaimFillingUp
  expr: kubelet_volume_stats_available_bytes{CLAIMS} / kubelet_volume_stats_capacity_bytes{CLAIMS} < BELOW
  summary: {{ "The claim {{ $labels.persistentvolumeclaim }} is filling up" | quote }}
  description: {{ "{{ $value | humanizePercentage }} of it is left: the next model may not fit. unusedModels finds those that nobody opens." | quote }}
heldTooLong:
  alert: AgentHeldTooLong
  expr: gpu_agent_scaler_workload_phase{SCALED,phase="holding"} == 1
  summary: {{ "NAME is held without demand" | quote }}
  description: >-
    It keeps its GPUs although nothing asks for it: `scaler explain` says why. A hung process or a neighbour on a shared
    GPU looks like this.
sourceDown:
  alert: AgentSourceDown
  expr: max by (signal) (gpu_agent_scaler_signal_unknown{SCALED}) == 1
  summary: {{ "What NAME needs to know of its {{ $labels.signal }} is not known" | quote }}
  description: >-
    Its source does not answer. The agent keeps its last decision for a while, and is then left as it is; nothing wakes
    it. `scaler explain` says what is wrong.
streamMissing:
  alert: AgentStreamMissing
  expr: gpu_agent_scaler_streams_open{SCALER,method="StreamIsActive"} < ignoring(method) gpu_agent_scaler_workloads{SCALER}
  summary: KEDA has not opened a push stream for every workload
  description: Waking waits for KEDA's next poll. Look for errors in KEDA's log, and for a network policy between them.
{{- end -}}

{{/* Which alerts make sense here, as a JSON list of their names. */}}
{{- define "ai-agent.alertsInUse" -}}
{{- $use := list -}}
{{- if (include "ai-agent.gpu" . | fromJson).enabled -}}
{{- $use = append $use "gpuMemory" -}}
{{- end -}}
{{- if include "ai-agent.modelClaims" . | fromJsonArray -}}
{{- $use = append $use "claimFillingUp" -}}
{{- end -}}
{{- if and .Values.keda.enabled .Values.keda.trigger.enabled -}}
{{- $use = concat $use (list "heldTooLong" "sourceDown") -}}
{{- if and (eq .Values.keda.kind "ScaledObject") (include "ai-agent.scalerMatchers" .) -}}
{{- $use = append $use "streamMissing" -}}
{{- end -}}
{{- end -}}
{{- toJson $use -}}
{{- end -}}

{{/* The names of the claims with models, as a JSON list. */}}
{{- define "ai-agent.modelClaims" -}}
{{- $claims := list -}}
{{- range include "ai-agent.stores" . | fromJsonArray -}}
{{- if eq .type "claim" -}}
{{- $claims = append $claims .claim -}}
{{- end -}}
{{- end -}}
{{- toJson $claims -}}
{{- end -}}

{{/* The scaler's own series: it is where its address says; empty if that is no Service's name. */}}
{{- define "ai-agent.scalerMatchers" -}}
{{- $parts := include "ai-agent.scalerAddress" . | splitList ":" | first | splitList "." -}}
{{- if and (gt (len $parts) 2) (eq (index $parts 2) "svc") -}}
{{- printf "namespace=%q,service=%q" (index $parts 1) (index $parts 0) -}}
{{- end -}}
{{- end -}}

{{/* An expression with its matchers. Takes a dict: root, text, and as needed above, below. */}}
{{- define "ai-agent.expression" -}}
{{- $name := include "ai-agent.fullname" .root -}}
{{- $pods := printf "%s-[a-z0-9]+-[a-z0-9]+" $name -}}
{{- $namespace := .root.Release.Namespace -}}
{{- $claims := include "ai-agent.modelClaims" .root | fromJsonArray | join "|" -}}
{{- .text
  | replace "EXPORTED" (printf "exported_namespace=%q,exported_pod=~%q" $namespace $pods)
  | replace "PODS" (printf "namespace=%q,pod=~%q" $namespace $pods)
  | replace "CLAIMS" (printf "namespace=%q,persistentvolumeclaim=~%q" $namespace $claims)
  | replace "DEPLOYMENT" (printf "namespace=%q,deployment=%q" $namespace $name)
  | replace "JOBS" (printf "namespace=%q,job_name=~%q" $namespace (printf "%s-[a-z0-9]+" $name))
  | replace "SCALED" (printf "scaledobject_namespace=%q,scaledobject=%q" $namespace $name)
  | replace "SCALER" (include "ai-agent.scalerMatchers" .root)
  | replace "NAMESPACE" $namespace
  | replace "NAME" $name
  | replace "ABOVE" (toString .above)
  | replace "BELOW" (toString .below) -}}
{{- end -}}
