{{/* What stands beside the agent: Dapr's and Istio's sidecars (annotations of the pod, never of the Deployment, where they
     would do nothing), and our own for logs. */}}

{{- define "ai-agent.podAnnotations" -}}
{{- $own := dict "kubectl.kubernetes.io/default-container" "agent" -}}
{{- if .Values.dapr.enabled -}}
{{- $own = mergeOverwrite $own (include "ai-agent.daprAnnotations" . | fromYaml) -}}
{{- end -}}
{{- with .Values.istio -}}
{{- if .enabled -}}
{{- if eq .mode "sidecar" -}}
{{- $_ := set $own "sidecar.istio.io/nativeSidecar" "true" -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if .Values.logging.enabled -}}
{{- $_ := set $own "checksum/logging" (include "ai-agent.loggingFiles" . | sha256sum) -}}
{{- end -}}
{{- mergeOverwrite (deepCopy .Values.commonAnnotations) $own .Values.podAnnotations | toYaml -}}
{{- end -}}

{{/* Every value is text: Kubernetes knows no other annotation, and Dapr reads numbers out of it. */}}
{{- define "ai-agent.daprAnnotations" -}}
{{- $dapr := .Values.dapr -}}
dapr.io/enabled: "true"
dapr.io/app-id: {{ $dapr.appId | default (include "ai-agent.fullname" .) | quote }}
dapr.io/app-port: {{ include "ai-agent.daprPort" . | quote }}
dapr.io/app-protocol: {{ $dapr.appProtocol | quote }}
{{- with include "ai-agent.daprConfig" . }}
dapr.io/config: {{ . | quote }}
{{- end }}
# What Kubernetes' standard "restricted" asks for; it drops the capabilities where Dapr is installed so.
dapr.io/sidecar-seccomp-profile-type: RuntimeDefault
dapr.io/graceful-shutdown-seconds: {{ sub (include "ai-agent.gracePeriod" . | int) 5 | max 1 | quote }}
{{- range $part, $name := dict "requests" "request" "limits" "limit" }}
{{- range $resource, $value := get $dapr.resources $part }}
{{- if not (kindIs "invalid" $value) }}
dapr.io/sidecar-{{ $resource }}-{{ $name }}: {{ toString $value | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- with $dapr.annotations }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "ai-agent.daprPort" -}}
{{- $port := .Values.dapr.appPort -}}
{{- range .Values.ports -}}
{{- $port = $port | default .containerPort -}}
{{- end -}}
{{- $port | default 0 | int -}}
{{- end -}}

{{- define "ai-agent.daprConfig" -}}
{{- with .Values.dapr.config -}}
{{- .name | default (ternary (include "ai-agent.fullname" $) "" (ne (len .spec) 0)) -}}
{{- end -}}
{{- end -}}

{{- define "ai-agent.loggingContainer" -}}
{{- $logging := .Values.logging -}}
name: logging
image: {{ include "ai-agent.image" (dict "root" . "image" $logging.image) | quote }}
imagePullPolicy: {{ $logging.image.pullPolicy }}
# A native sidecar: it is there before the agent starts, and until after it has ended.
restartPolicy: Always
{{- range $key := list "command" "args" "env" "envFrom" }}
{{- with get $logging $key }}
{{ $key }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
resources:
  {{- toYaml $logging.resources | nindent 2 }}
securityContext:
  {{- include "ai-agent.securityContext" . | nindent 2 }}
volumeMounts:
  - {name: logs, mountPath: {{ $logging.path }}}
  - {name: logging, mountPath: /etc/logging, readOnly: true}
{{- end -}}

{{/* The sidecar's files. It remembers in the log volume itself how far it has read, so that its restart repeats nothing. */}}
{{- define "ai-agent.loggingFiles" -}}
{{- if .Values.logging.config -}}
{{- toYaml .Values.logging.config -}}
{{- else -}}
fluent-bit.yaml: |
  service:
    flush: 1
  pipeline:
    inputs:
      - name: tail
        tag: agent
        path: {{ .Values.logging.path }}/*.log
        path_key: file
        db: {{ .Values.logging.path }}/.position
        refresh_interval: 5
        read_from_head: true
    outputs:
      - name: stdout
        match: '*'
        format: json_lines
{{- end -}}
{{- end -}}
