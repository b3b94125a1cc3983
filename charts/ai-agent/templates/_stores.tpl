{{/* Where models are: the volumes, as a JSON list. Each has key (its name in the values), volume (in the pod), type (claim,
     image or emptyDir), mountPath, readOnly, and for a claim its name, make (whether the chart makes it) and what it is
     made with. */}}
{{- define "ai-agent.stores" -}}
{{- $stores := list -}}
{{- if .Values.models.enabled -}}
{{- $own := dict "key" "models" "volume" "models" "suffix" "models" "readOnly" (ternary true .Values.models.readOnly (eq .Values.models.type "image")) -}}
{{- $stores = append $stores (mergeOverwrite (deepCopy .Values.models) $own) -}}
{{- end -}}
{{- range $name, $extra := .Values.extraModels -}}
{{- $own := dict "key" $name "volume" (printf "models-%s" $name) "suffix" (printf "models-%s" $name) "type" "claim" -}}
{{- $default := dict "mountPath" (printf "/models-%s" $name) "size" "100Gi" "accessMode" "ReadWriteOnce" "keep" true "critical" true -}}
{{- $stores = append $stores (mergeOverwrite $default (deepCopy ($extra | default dict)) $own) -}}
{{- end -}}
{{- if .Values.sharedModels.enabled -}}
{{- $own := dict "key" "sharedModels" "volume" "shared-models" "suffix" "shared-models" "type" "claim" "accessMode" "ReadWriteMany" "readOnly" true -}}
{{- $stores = append $stores (mergeOverwrite (deepCopy .Values.sharedModels) $own) -}}
{{- end -}}
{{- $all := list -}}
{{- range $stores -}}
{{- $filled := and $.Values.download.enabled (eq .key $.Values.download.volume) -}}
{{- $own := dict
  "claim" (.existingClaim | default (include "ai-agent.named" (dict "root" $ "suffix" .suffix)))
  "make" (and (eq .type "claim") (not .existingClaim))
  "readOnly" (ternary $filled .readOnly (kindIs "invalid" .readOnly))
-}}
{{- $all = append $all (mergeOverwrite (omit . "enabled" "image") $own) -}}
{{- end -}}
{{- $all | toJson -}}
{{- end -}}

{{/* One of them by its name in the values, as JSON; empty if there is none. Takes a dict: root, key. */}}
{{- define "ai-agent.store" -}}
{{- range include "ai-agent.stores" .root | fromJsonArray -}}
{{- if eq .key $.key -}}
{{- toJson . -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The volume of a store, for a pod's list. Takes a dict: root, store. */}}
{{- define "ai-agent.storeVolume" -}}
name: {{ .store.volume }}
{{- if eq .store.type "image" }}
image:
  reference: {{ include "ai-agent.image" (dict "root" .root "image" .root.Values.models.image) | quote }}
  pullPolicy: {{ .root.Values.models.image.pullPolicy }}
{{- else if eq .store.type "emptyDir" }}
emptyDir:
  sizeLimit: {{ .store.size }}
{{- else }}
persistentVolumeClaim:
  claimName: {{ .store.claim }}
{{- end }}
{{- end -}}

{{/* Where the model's files are, for the agent; empty if nobody has named one. */}}
{{- define "ai-agent.modelPath" -}}
{{- $model := .Values.model -}}
{{- $key := ternary .Values.download.volume "models" .Values.download.enabled -}}
{{- with include "ai-agent.store" (dict "root" . "key" $key) -}}
{{- $store := fromJson . -}}
{{- if eq $store.type "image" -}}
{{- $store.mountPath -}}
{{- else if $model.name -}}
{{- printf "%s/%s" $store.mountPath (include "ai-agent.modelDirectory" $) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The model's directory in its volume: another revision is another directory, and none lies in another. */}}
{{- define "ai-agent.modelDirectory" -}}
{{- compact (list .Values.model.name .Values.model.revision) | join "@" -}}
{{- end -}}

{{/* A claim. Takes a dict: root, name, component, claim (size, storageClassName, accessMode, keep, labels, annotations), tier. */}}
{{- define "ai-agent.claim" -}}
{{- $labels := merge (dict "backup.velero.io/backup-tier" .tier) (.claim.labels | default dict) -}}
{{- $annotations := merge (ternary (dict "helm.sh/resource-policy" "keep") dict (.claim.keep | default false)) (.claim.annotations | default dict) -}}
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  {{- include "ai-agent.metadata" (dict "root" .root "name" .name "component" .component "labels" $labels "annotations" $annotations) | nindent 2 }}
spec:
  accessModes: [{{ .claim.accessMode }}]
  resources:
    requests:
      storage: {{ .claim.size }}
  {{- with .claim.storageClassName }}
  storageClassName: {{ ternary "" . (eq . "-") | quote }}
  {{- end }}
{{- end -}}

{{- define "ai-agent.cacheClaimName" -}}
{{- .Values.cache.claim.existingClaim | default (include "ai-agent.named" (dict "root" . "suffix" "cache")) -}}
{{- end -}}

{{/* Everything that one pod or node holds by itself, as a JSON list of {value, mode, claim}: more than one agent would wait for it. */}}
{{- define "ai-agent.heldClaims" -}}
{{- $held := list -}}
{{- range include "ai-agent.stores" . | fromJsonArray -}}
{{- if and (eq .type "claim") (hasPrefix "ReadWriteOnce" .accessMode) -}}
{{- $value := ternary .key (printf "extraModels.%s" .key) (has .key (list "models" "sharedModels")) -}}
{{- $held = append $held (dict "value" $value "mode" .accessMode) -}}
{{- end -}}
{{- end -}}
{{- with .Values.cache -}}
{{- if and .enabled .claim.enabled (hasPrefix "ReadWriteOnce" .claim.accessMode) -}}
{{- $held = append $held (dict "value" "cache.claim" "mode" .claim.accessMode) -}}
{{- end -}}
{{- end -}}
{{- $held | toJson -}}
{{- end -}}
