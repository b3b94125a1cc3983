{{/* What the scaler's pod and the test's pod share. */}}

{{- define "agent-scaler.podSecurityContext" -}}
runAsNonRoot: true
seccompProfile:
  type: RuntimeDefault
{{- with .Values.podSecurityContext }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "agent-scaler.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- define "agent-scaler.imagePullSecrets" -}}
{{- $names := list -}}
{{- range concat ((.Values.global).imagePullSecrets | default list) .Values.image.pullSecrets -}}
{{- $names = append $names (kindIs "map" . | ternary . (dict "name" .)) -}}
{{- end -}}
{{- with $names | uniq -}}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end -}}
{{- end -}}

{{/* Where the pod may run. */}}
{{- define "agent-scaler.placement" -}}
{{- $set := dict -}}
{{- range $key := list "nodeSelector" "tolerations" "affinity" -}}
{{- with get $.Values $key -}}
{{- $_ := set $set $key . -}}
{{- end -}}
{{- end -}}
{{- with $set -}}
{{- toYaml . -}}
{{- end -}}
{{- end -}}

{{/* gRPC probes cannot speak TLS, so with TLS they ask by HTTP: `/readyz` says whether gRPC serves. */}}
{{- define "agent-scaler.probe" -}}
{{- if .root.Values.tls.enabled -}}
httpGet: {path: {{ .path }}, port: http}
{{- else -}}
grpc: {port: 6000}
{{- end -}}
{{- end -}}
