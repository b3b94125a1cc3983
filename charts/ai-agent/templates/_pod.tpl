{{/* The agent's pod. */}}

{{- define "ai-agent.podSecurityContext" -}}
runAsNonRoot: true
seccompProfile:
  type: RuntimeDefault
{{- range $key, $value := .Values.podSecurityContext }}
{{- if $value }}
{{ $key }}: {{ toJson $value }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Of every container of the chart but the agent's own, whose root file system may be writable. */}}
{{- define "ai-agent.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* A user's containers, with what they do not say of their own security. Takes a dict: root, containers. */}}
{{- define "ai-agent.guarded" -}}
{{- $all := list -}}
{{- range .containers -}}
{{- $context := mergeOverwrite (include "ai-agent.securityContext" $.root | fromYaml) (deepCopy (.securityContext | default dict)) -}}
{{- $all = append $all (mergeOverwrite (deepCopy .) (dict "securityContext" $context)) -}}
{{- end -}}
{{- toYaml $all -}}
{{- end -}}

{{- define "ai-agent.imagePullSecrets" -}}
{{- $names := list -}}
{{- $secrets := concat ((.Values.global).imagePullSecrets | default list) .Values.image.pullSecrets -}}
{{- range list "models" "download" "unusedModels" "logging" -}}
{{- $part := get $.Values . -}}
{{- if $part.enabled -}}
{{- $secrets = concat $secrets $part.image.pullSecrets -}}
{{- end -}}
{{- end -}}
{{- range $secrets -}}
{{- $names = append $names (kindIs "map" . | ternary . (dict "name" .)) -}}
{{- end -}}
{{- with $names | uniq -}}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end -}}
{{- end -}}

{{/* What every pod of the chart says first. */}}
{{- define "ai-agent.podHead" -}}
serviceAccountName: {{ .account | default (include "ai-agent.serviceAccountName" .root) }}
automountServiceAccountToken: {{ .token | default false }}
enableServiceLinks: false
{{- with include "ai-agent.imagePullSecrets" .root }}
{{ . }}
{{- end }}
securityContext:
  {{- include "ai-agent.podSecurityContext" .root | nindent 2 }}
{{- end -}}

{{- define "ai-agent.podLabels" -}}
{{- $own := include "ai-agent.selector" . | fromYaml -}}
{{- with .Values.istio -}}
{{- if .enabled -}}
{{- $label := ternary (dict "sidecar.istio.io/inject" "true") (dict "istio.io/dataplane-mode" "ambient") (eq .mode "sidecar") -}}
{{- $own = merge $own $label (ternary (dict "istio.io/rev" .revision) dict (ne .revision "")) -}}
{{- end -}}
{{- end -}}
{{- mergeOverwrite (deepCopy .Values.commonLabels) .Values.podLabels $own | toYaml -}}
{{- end -}}

{{- define "ai-agent.podTemplate" -}}
metadata:
  labels:
    {{- include "ai-agent.podLabels" .root | nindent 4 }}
  {{- with include "ai-agent.podAnnotations" .root | fromYaml }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- include "ai-agent.podHead" (dict "root" .root "token" .root.Values.serviceAccount.token) | nindent 2 }}
  {{- if .job }}
  restartPolicy: Never
  {{- end }}
  {{- range $key := list "priorityClassName" "runtimeClassName" "schedulerName" "dnsPolicy" }}
  {{- with get $.root.Values $key }}
  {{ $key }}: {{ . }}
  {{- end }}
  {{- end }}
  {{- range $key := list "dnsConfig" "hostAliases" }}
  {{- with get $.root.Values $key }}
  {{ $key }}:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
  terminationGracePeriodSeconds: {{ include "ai-agent.gracePeriod" .root }}
  {{- with include "ai-agent.initContainers" .root | fromYamlArray }}
  initContainers:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - {{ include "ai-agent.container" . | nindent 6 | trim }}
    {{- with .root.Values.extraContainers }}
    {{- include "ai-agent.guarded" (dict "root" $.root "containers" .) | nindent 4 }}
    {{- end }}
  volumes:
    {{- include "ai-agent.volumes" .root | fromYamlArray | toYaml | nindent 4 }}
  {{- if .root.Values.gpu.dra.enabled }}
  {{- if (include "ai-agent.gpu" .root | fromJson).enabled }}
  resourceClaims:
    - {name: gpu, resourceClaimTemplateName: {{ include "ai-agent.named" (dict "root" .root "suffix" "gpu") }}}
  {{- end }}
  {{- end }}
  {{- with include "ai-agent.placement" .root }}
  {{- . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- define "ai-agent.initContainers" -}}
{{- if .Values.logging.enabled }}
- {{ include "ai-agent.loggingContainer" . | nindent 2 | trim }}
{{- end }}
{{- if .Values.download.enabled }}
- {{ include "ai-agent.downloadContainer" . | nindent 2 | trim }}
{{- end }}
{{- with .Values.extraInitContainers }}
{{ include "ai-agent.guarded" (dict "root" $ "containers" .) }}
{{- end }}
{{- end -}}

{{- define "ai-agent.volumes" -}}
{{ include "ai-agent.ownVolumes" . }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "ai-agent.ownVolumes" -}}
- name: tmp
  emptyDir:
    {{- with .Values.tmp.medium }}
    medium: {{ . }}
    {{- end }}
    sizeLimit: {{ .Values.tmp.sizeLimit }}
{{- with .Values.cache }}
{{- if .enabled }}
- name: cache
  {{- if .claim.enabled }}
  persistentVolumeClaim: {claimName: {{ include "ai-agent.cacheClaimName" $ }}}
  {{- else }}
  emptyDir:
    {{- with .medium }}
    medium: {{ . }}
    {{- end }}
    sizeLimit: {{ .sizeLimit }}
  {{- end }}
{{- end }}
{{- end }}
{{- if include "ai-agent.sharedMemory" . }}
- name: shared-memory
  emptyDir: {medium: Memory, sizeLimit: {{ .Values.gpu.sharedMemory.sizeLimit }}}
{{- end }}
{{- range include "ai-agent.stores" . | fromJsonArray }}
- {{ include "ai-agent.storeVolume" (dict "root" $ "store" .) | nindent 2 | trim }}
{{- end }}
{{- if .Values.download.enabled }}
{{ include "ai-agent.downloadVolumes" . }}
{{- end }}
{{- if .Values.logging.enabled }}
- name: logs
  emptyDir: {sizeLimit: {{ .Values.logging.sizeLimit }}}
- name: logging
  configMap: {name: {{ include "ai-agent.named" (dict "root" . "suffix" "logging") }}}
{{- end }}
{{- end -}}

{{/* Not empty where `/dev/shm` is a volume of the chart. */}}
{{- define "ai-agent.sharedMemory" -}}
{{- $gpu := include "ai-agent.gpu" . | fromJson -}}
{{- with .Values.gpu.sharedMemory -}}
{{- if ternary (and $gpu.enabled (gt (int $gpu.count) 1)) .enabled (kindIs "invalid" .enabled) -}}
yes
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Seconds that a pod has from the word that it goes: the wait, the longest job, and something to end in. */}}
{{- define "ai-agent.gracePeriod" -}}
{{- .Values.terminationGracePeriodSeconds | default (add .Values.drain.preStopSeconds .Values.drain.jobSeconds 15) | int -}}
{{- end -}}
