{{/* The alerts by the names of their values: the alert's name, its expression (MINE is the scaler's own series), what it says. */}}
{{- define "agent-scaler.alerts" -}}
down:
  alert: AgentScalerDown
  expr: absent(gpu_agent_scaler_workloads{MINE})
  summary: The scaler is not there
  description: No metrics of the scaler are scraped. While it is away KEDA changes nothing, so nothing is woken.
sourceDown:
  alert: AgentScalerSourceDown
  expr: gpu_agent_scaler_source_up{MINE} == 0
  summary: {{ "The connection {{ $labels.connection }} does not answer" | quote }}
  description: >-
    Workloads that need it keep their last decision for a while, and are then left as they are. `scaler explain` and
    the scaler's log say what is wrong.
configurationRefused:
  alert: AgentScalerConfigurationRefused
  expr: gpu_agent_scaler_configuration_errors{MINE} > 0
  summary: A changed configuration was refused
  description: {{ "The one before is still in force; the scaler's log names each of the {{ $value }} errors." | quote }}
certificateRefused:
  alert: AgentScalerCertificateRefused
  expr: increase(gpu_agent_scaler_certificate_reload_failures_total{MINE}[15m]) > 0
  summary: A changed certificate was refused
  description: The one before is still in force, until it ends; the scaler's log says what is wrong with the new one.
heldTooLong:
  alert: AgentScalerHeldTooLong
  expr: gpu_agent_scaler_workload_phase{MINE,phase="holding"} == 1
  summary: {{ "{{ $labels.scaledobject_namespace }}/{{ $labels.scaledobject }} is held without demand" | quote }}
  description: >-
    It keeps its GPUs although nothing asks for it: `scaler explain` says why. A hung process or a neighbour on a shared
    GPU looks like this.
holdExpired:
  alert: AgentScalerHoldExpired
  expr: increase(gpu_agent_scaler_holds_expired_total{MINE}[30m]) > 0
  summary: {{ "A hold ({{ $labels.hold }}) reached its bound" | quote }}
  description: The workload was let go although it was not known to be quiet; the scaler's log names it.
streamMissing:
  alert: AgentScalerStreamMissing
  expr: gpu_agent_scaler_streams_open{MINE} < gpu_agent_scaler_workloads{MINE}
  summary: KEDA has not opened a push stream for every workload
  description: Waking waits for KEDA's next poll. Look for errors in KEDA's log, and for a network policy between them.
{{- end -}}
