{{/* The alerts by the names of their values: the alert's name, its expression (MINE is the scaler's own series, ABOVE the value
     of that name), what it says. ALERTS.md says of each what to do. */}}
{{- define "agent-scaler.alerts" -}}
down:
  alert: AgentScalerDown
  expr: absent(gpu_agent_scaler_workloads{MINE})
  summary: The scaler is not there
  description: >-
    No metrics of the scaler are scraped. While it is away nothing is woken; and what works is safe only for as long as its
    cooldownPeriod. Look at its pod and at its last log lines; if it runs, at the ServiceMonitor and the network policy.
sourceDown:
  alert: AgentScalerSourceDown
  expr: gpu_agent_scaler_source_up{MINE} == 0
  summary: {{ "The connection {{ $labels.connection }} does not answer" | quote }}
  description: >-
    Workloads that need it keep their last decision for a while, and are then left as they are, or as their fallback says:
    no job wakes them. The scaler's log says what is wrong (address, credentials, network policy, or the server itself).
undecided:
  alert: AgentScalerUndecided
  expr: gpu_agent_scaler_workload_reason{MINE,reason="unknown"} == 1
  summary: {{ "Nothing can be decided about {{ $labels.scaledobject_namespace }}/{{ $labels.scaledobject }}" | quote }}
  description: >-
    KEDA gets an error for it: it leaves its replicas as they are, or does what its fallback says. `scaler explain` names the
    signal that is missing: a source that is down, a queue or a series that is not there, or metadata that is refused since
    the configuration changed.
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
  expr: gpu_agent_scaler_workload_hold_expired_age_seconds{MINE} < 1800
  summary: {{ "The hold ({{ $labels.hold }}) of {{ $labels.scaledobject_namespace }}/{{ $labels.scaledobject }} reached its bound" | quote }}
  description: >-
    The scaler let go of it although it was not known to be quiet. gpu: a GPU stayed busy without demand, which is a hung
    process, a neighbour on a shared GPU, or a job longer than `hold.gpu`. loading: it was woken and never began to work.
    unknown: its source stayed away for longer than `hold.unknown`.
slowReads:
  alert: AgentScalerSlowReads
  expr: >-
    histogram_quantile(0.9, sum by (connection, le) (rate(gpu_agent_scaler_source_read_latency_seconds_bucket{MINE}[15m]))) > ABOVE
  summary: {{ "Reading the connection {{ $labels.connection }} takes {{ $value | humanizeDuration }}" | quote }}
  description: >-
    One read in ten takes that long or longer, so that what is decided, and every wake, is as much later. The server is
    slow or far away, or asked for too much at once.
lateReads:
  alert: AgentScalerLateReads
  expr: >-
    histogram_quantile(0.9, sum by (le) (rate(gpu_agent_scaler_source_read_lateness_seconds_bucket{MINE}[15m]))) > ABOVE
  summary: {{ "The scaler begins its reads {{ $value | humanizeDuration }} late" | quote }}
  description: >-
    It has more to do than its core allows, so KEDA waits for its answers too. Give it more CPU (and no CPU limit), or fewer
    workloads.
slowWakes:
  alert: AgentScalerSlowWakes
  expr: >-
    histogram_quantile(0.9, sum by (le) (rate(gpu_agent_scaler_wake_latency_seconds_bucket{MINE}[1h]))) > ABOVE
  summary: {{ "Waking takes {{ $value | humanizeDuration }} from the reading to the push" | quote }}
  description: >-
    One wake in ten takes that long or longer before KEDA is even told. Look at the time of reads and at their lateness:
    the source is slow, or the scaler is busy.
streamMissing:
  alert: AgentScalerStreamMissing
  expr: gpu_agent_scaler_streams_open{MINE,method="StreamIsActive"} < ignoring(method) gpu_agent_scaler_workloads{MINE}
  summary: KEDA has not opened a push stream for every workload
  description: >-
    Waking waits for KEDA's next poll. Look for errors in KEDA's log, and for a network policy between them.
{{- end -}}
