{{/* The agent's container. */}}

{{- define "ai-agent.container" -}}
{{- $values := .root.Values -}}
name: agent
image: {{ include "ai-agent.image" (dict "root" .root "image" $values.image) | quote }}
imagePullPolicy: {{ $values.image.pullPolicy }}
{{- with $values.command | default (ternary (list "loadgen" "worker") list $values.worker.enabled) }}
command:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- range $key := list "args" "envFrom" }}
{{- with get $values $key }}
{{ $key }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- with $values.ports }}
ports:
  {{- range . }}
  - {name: {{ .name }}, containerPort: {{ .containerPort }}, protocol: {{ .protocol | default "TCP" }}}
  {{- end }}
{{- end }}
{{- with include "ai-agent.variables" .root | fromJsonArray }}
env:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- include "ai-agent.probes" . }}
{{- with include "ai-agent.lifecycle" .root | fromYaml }}
lifecycle:
  {{- toYaml . | nindent 2 }}
{{- end }}
resources:
  {{- include "ai-agent.resources" .root | nindent 2 }}
securityContext:
  {{- mergeOverwrite (include "ai-agent.securityContext" .root | fromYaml) $values.securityContext | toYaml | nindent 2 }}
volumeMounts:
  {{- include "ai-agent.mounts" .root | fromYamlArray | toYaml | nindent 2 }}
{{- end -}}

{{/* The container's variables, as JSON: the chart's, those of what is around the pod, and the user's, each name once. A
     list with a name twice would be patched wrongly at the next upgrade. */}}
{{- define "ai-agent.variables" -}}
{{- $all := concat (include "ai-agent.podVariables" . | fromYamlArray) (include "ai-agent.environment" . | fromYamlArray) .Values.env -}}
{{- $last := dict -}}
{{- range $all -}}
{{- $_ := set $last .name . -}}
{{- end -}}
{{- $once := list -}}
{{- range $all -}}
{{- if hasKey $last .name -}}
{{- $once = append $once (get $last .name) -}}
{{- $_ := unset $last .name -}}
{{- end -}}
{{- end -}}
{{- $once | toJson -}}
{{- end -}}

{{- define "ai-agent.podVariables" -}}
{{- with .Values.cache }}
{{- if .enabled }}
- {name: HOME, value: {{ .mountPath }}}
- {name: XDG_CACHE_HOME, value: {{ .mountPath }}}
- {name: HF_HOME, value: {{ .mountPath }}/huggingface}
{{- end }}
{{- end }}
{{- with .Values.model.name }}
- {name: MODEL_NAME, value: {{ . }}}
{{- end }}
{{- with include "ai-agent.modelPath" . }}
- {name: MODEL_PATH, value: {{ . }}}
{{- end }}
{{- if .Values.logging.enabled }}
- {name: LOG_DIRECTORY, value: {{ .Values.logging.path }}}
{{- end }}
{{- end -}}

{{- define "ai-agent.mounts" -}}
- {name: tmp, mountPath: /tmp}
{{- with .Values.cache }}
{{- if .enabled }}
- {name: cache, mountPath: {{ .mountPath }}}
{{- end }}
{{- end }}
{{- if include "ai-agent.sharedMemory" . }}
- {name: shared-memory, mountPath: /dev/shm}
{{- end }}
{{- range include "ai-agent.stores" . | fromJsonArray }}
- {name: {{ .volume }}, mountPath: {{ .mountPath }}{{ if .readOnly }}, readOnly: true{{ end }}}
{{- end }}
{{- if .Values.logging.enabled }}
- {name: logs, mountPath: {{ .Values.logging.path }}}
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The startup probe gates the others: no initial delay, which would only be a guess. A Job is never asked whether it
     is ready, because nothing is sent to it. */}}
{{- define "ai-agent.probes" -}}
{{- $root := .root -}}
{{- range $name := ternary (list "startup" "liveness") (list "startup" "liveness" "readiness") (.job | default false) }}
{{- with get $root.Values.probes $name }}
{{- if .enabled }}
{{ $name }}Probe:
  {{- if .handler }}
  {{- toYaml .handler | nindent 2 }}
  {{- else }}
  httpGet: {path: {{ ternary "/health/gpu" .path (.gpu | default false) }}, port: {{ .port }}}
  {{- end }}
  periodSeconds: {{ .periodSeconds }}
  timeoutSeconds: {{ .timeoutSeconds }}
  failureThreshold: {{ .failureThreshold }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* The wait is the kubelet's own, so it needs no shell in the image. */}}
{{- define "ai-agent.lifecycle" -}}
{{- $own := dict -}}
{{- if .Values.drain.preStopSeconds -}}
{{- $own = dict "preStop" (dict "sleep" (dict "seconds" .Values.drain.preStopSeconds)) -}}
{{- end -}}
{{- range $hook, $handler := .Values.lifecycle -}}
{{- if $handler -}}
{{- $_ := set $own $hook $handler -}}
{{- end -}}
{{- end -}}
{{- toYaml $own -}}
{{- end -}}
