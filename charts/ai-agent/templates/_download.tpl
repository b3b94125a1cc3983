{{/* Getting the model. */}}

{{/* Not empty where other pods may write to the volume at the same time: of a claim that is there already nobody knows, and
     even one for a single node may have an agent and a Job on that node. */}}
{{- define "ai-agent.downloadShared" -}}
{{- $store := include "ai-agent.store" (dict "root" . "key" .Values.download.volume) | fromJson -}}
{{- if and (eq $store.type "claim") (or $store.existingClaim (eq .Values.download.mode "job") (eq $store.accessMode "ReadWriteMany")) -}}
yes
{{- end -}}
{{- end -}}

{{- define "ai-agent.downloadCommand" -}}
{{- .Values.download.command | default (list "python3" "/opt/download/fetch.py") | toJson -}}
{{- end -}}

{{- define "ai-agent.downloadContainer" -}}
{{- $download := .Values.download -}}
{{- $store := include "ai-agent.store" (dict "root" . "key" $download.volume) | fromJson -}}
{{- $poll := 5 -}}
name: download
image: {{ include "ai-agent.image" (dict "root" . "image" $download.image) | quote }}
imagePullPolicy: {{ $download.image.pullPolicy }}
command:
  - /bin/sh
  - /opt/download/download.sh
  {{- include "ai-agent.downloadCommand" . | fromJsonArray | toYaml | nindent 2 }}
env:
  - {name: MODELS, value: {{ $store.mountPath }}}
  - {name: MODEL, value: {{ include "ai-agent.modelDirectory" . | quote }}}
  # What is asked for: a change of it downloads anew.
  - {name: IDENTITY, value: {{ list .Values.model.name .Values.model.revision $download.files $download.command | toJson | sha256sum }}}
  - {name: OWNER, valueFrom: {fieldRef: {fieldPath: metadata.uid}}}
  - {name: SHARED, value: {{ ternary "true" "false" (ne (include "ai-agent.downloadShared" .) "") | quote }}}
  - {name: POLL, value: {{ $poll | quote }}}
  - {name: PATIENCE, value: {{ div (int $download.staleSeconds) $poll | quote }}}
  - {name: LIMIT, value: {{ div (int $download.timeoutSeconds) $poll | max 1 | quote }}}
  - {name: HOME, value: /tmp}
  {{- with $download.files }}
  - {name: DOWNLOAD_FILES, value: /opt/download/files.json}
  {{- end }}
  {{- with $download.env }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- $from := $download.envFrom -}}
{{- with $download.credentials -}}
{{- if and .secretName (not .mountPath) -}}
{{- $from = append $from (dict "secretRef" (dict "name" .secretName)) -}}
{{- end -}}
{{- end }}
{{- with $from }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
resources:
  {{- toYaml $download.resources | nindent 2 }}
securityContext:
  {{- include "ai-agent.securityContext" . | nindent 2 }}
volumeMounts:
  - {name: {{ $store.volume }}, mountPath: {{ $store.mountPath }}}
  - {name: download, mountPath: /opt/download, readOnly: true}
  - {name: tmp, mountPath: /tmp}
  {{- with $download.credentials }}
  {{- if and .secretName .mountPath }}
  - {name: download-credentials, mountPath: {{ .mountPath }}, readOnly: true}
  {{- end }}
  {{- end }}
{{- end -}}

{{/* The volumes of that container, besides the model's and /tmp. */}}
{{- define "ai-agent.downloadVolumes" -}}
- name: download
  configMap: {name: {{ include "ai-agent.named" (dict "root" . "suffix" "models") }}}
{{- with .Values.download.credentials }}
{{- if and .secretName .mountPath }}
- name: download-credentials
  secret: {secretName: {{ .secretName }}, defaultMode: 0440}
{{- end }}
{{- end }}
{{- end -}}

{{/* The Job's pod. It goes where there is room; the claim's node where one pod holds it. */}}
{{- define "ai-agent.downloadPod" -}}
{{- $job := .Values.download.job -}}
{{- $store := include "ai-agent.store" (dict "root" . "key" .Values.download.volume) | fromJson -}}
metadata:
  labels:
    {{- mergeOverwrite (deepCopy .Values.commonLabels) .Values.podLabels (include "ai-agent.selector" . | fromYaml) (dict "app.kubernetes.io/component" "download") | toYaml | nindent 4 }}
spec:
  {{- include "ai-agent.podHead" (dict "root" . "account" $job.serviceAccountName) | nindent 2 }}
  restartPolicy: Never
  containers:
    - {{ include "ai-agent.downloadContainer" . | nindent 6 | trim }}
  volumes:
    - name: tmp
      emptyDir: {sizeLimit: {{ .Values.tmp.sizeLimit }}}
    - {{ include "ai-agent.storeVolume" (dict "root" . "store" $store) | nindent 6 | trim }}
    {{- include "ai-agent.downloadVolumes" . | nindent 4 }}
  {{- with include "ai-agent.asText" $job.nodeSelector | fromJson }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $job.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
