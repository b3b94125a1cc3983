{{/* What the values of volumes and of the download say of each other. */}}
{{- define "ai-agent.validateStores" -}}
{{- $models := .Values.models -}}
{{- if and (not $models.enabled) (or $models.existingClaim $models.allowEphemeral $models.image.repository (ne $models.type "claim")) -}}
{{- fail "models has settings but is off: set models.enabled to true, or remove models.type, models.existingClaim, models.image and models.allowEphemeral." -}}
{{- end -}}
{{- if $models.enabled -}}
{{- if and (eq $models.type "emptyDir") (not $models.allowEphemeral) -}}
{{- fail "models.type emptyDir is empty in every new pod, which would download the model again: set models.type to claim, or models.allowEphemeral to true." -}}
{{- end -}}
{{- if eq $models.type "image" -}}
{{- include "ai-agent.validateModelImage" . -}}
{{- end -}}
{{- end -}}
{{- $paths := list -}}
{{- range include "ai-agent.stores" . | fromJsonArray -}}
{{- if has .mountPath $paths -}}
{{- fail (printf "two model volumes are mounted at %s: give %s another mountPath." .mountPath .key) -}}
{{- end -}}
{{- $paths = append $paths .mountPath -}}
{{- end -}}
{{- include "ai-agent.validateHeldClaims" . -}}
{{- end -}}

{{- define "ai-agent.validateModelImage" -}}
{{- $image := .Values.models.image -}}
{{- if not $image.repository -}}
{{- fail "models.type image needs an image: name it in models.image.repository." -}}
{{- end -}}
{{- if and (not $image.digest) (has $image.tag (list "" "latest")) -}}
{{- fail (printf "models.image.tag is %q: name a version or models.image.digest, so that the model does not change by itself." $image.tag) -}}
{{- end -}}
{{- if and (semverCompare "<1.35-0" .Capabilities.KubeVersion.Version) (not $image.featureGate) -}}
{{- fail (printf "models.type image needs Kubernetes 1.35, and this is %s: set models.type to claim, or models.image.featureGate to true where the feature gate ImageVolume is on." .Capabilities.KubeVersion.Version) -}}
{{- end -}}
{{- if eq (toString .Values.models.readOnly) "false" -}}
{{- fail "models.readOnly is false, but an image can only be read: leave it out, or set models.type to claim." -}}
{{- end -}}
{{- end -}}

{{/* More than one agent would wait for a claim that the first one holds, and a rolling update for the old one to go. */}}
{{- define "ai-agent.validateHeldClaims" -}}
{{- $most := include "ai-agent.maxReplicas" . | int -}}
{{- range include "ai-agent.heldClaims" . | fromJsonArray -}}
{{- if gt $most 1 -}}
{{- fail (printf "%s.accessMode is %s, and there may be %d agents: set %s.accessMode to ReadWriteMany, or %s to 1." .value .mode $most .value (ternary "keda.maxReplicaCount" "replicas" $.Values.keda.enabled)) -}}
{{- end -}}
{{- if eq ($.Values.strategy.type | default "") "RollingUpdate" -}}
{{- fail (printf "strategy.type is RollingUpdate, and %s.accessMode is %s: the new pod would wait for ever, so leave strategy out, or set %s.accessMode to ReadWriteMany." .value .mode .value) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* What lies in memory counts as memory of the container that writes it. */}}
{{- define "ai-agent.validateMemoryVolumes" -}}
{{- $limit := (include "ai-agent.resources" . | fromYaml).limits.memory -}}
{{- $sizes := dict -}}
{{- if and .Values.cache.enabled (not .Values.cache.claim.enabled) (eq .Values.cache.medium "Memory") -}}
{{- $_ := set $sizes "cache.sizeLimit" .Values.cache.sizeLimit -}}
{{- end -}}
{{- if eq .Values.tmp.medium "Memory" -}}
{{- $_ := set $sizes "tmp.sizeLimit" .Values.tmp.sizeLimit -}}
{{- end -}}
{{- if include "ai-agent.sharedMemory" . -}}
{{- $_ := set $sizes "gpu.sharedMemory.sizeLimit" .Values.gpu.sharedMemory.sizeLimit -}}
{{- end -}}
{{- $sum := 0.0 -}}
{{- range $value, $size := $sizes -}}
{{- $sum = addf $sum (include "ai-agent.mebibytes" $size | float64) -}}
{{- if and $limit (ge (include "ai-agent.mebibytes" $size | float64) (include "ai-agent.mebibytes" $limit | float64)) -}}
{{- fail (printf "%s is %s in memory, and the memory limit is %s: lower it, or raise resources.limits.memory." $value $size $limit) -}}
{{- end -}}
{{- end -}}
{{- if and $limit (ge $sum (include "ai-agent.mebibytes" $limit | float64)) -}}
{{- fail (printf "%s are %s GiB in memory together, and the memory limit is %s: lower one, or raise resources.limits.memory." (keys $sizes | sortAlpha | join " and ") (divf $sum 1024.0 | include "ai-agent.gibibytes") $limit) -}}
{{- end -}}
{{- end -}}

{{- define "ai-agent.validateDownload" -}}
{{- $download := .Values.download -}}
{{- if $download.enabled -}}
{{- include "ai-agent.validateFilled" (dict "root" . "value" "download.volume" "key" $download.volume) -}}
{{- if not .Values.model.name -}}
{{- fail "download.enabled needs a directory: name the model in model.name, such as org/name." -}}
{{- end -}}
{{- if and $download.files $download.command -}}
{{- fail "download.files and download.command are both set: say what to get in one of them." -}}
{{- end -}}
{{- if not (or $download.files $download.command) -}}
{{- fail "download.enabled needs a source: list download.files, or give a download.command that fills its working directory." -}}
{{- end -}}
{{- $paths := list -}}
{{- range $download.files -}}
{{- $path := .path | default (regexReplaceAll "[?#].*$" .url "" | splitList "/" | last) -}}
{{- if or (not $path) (has ".." (splitList "/" $path)) -}}
{{- fail (printf "download.files has %s, which names no file in the model's directory: give its path." .url) -}}
{{- end -}}
{{- if has $path $paths -}}
{{- fail (printf "download.files has %s twice: give one of them another path." $path) -}}
{{- end -}}
{{- $paths = append $paths $path -}}
{{- end -}}
{{- else if or $download.files $download.command $download.credentials.secretName -}}
{{- fail "download has settings but is off: set download.enabled to true, or remove download.files, download.command and download.credentials." -}}
{{- end -}}
{{- if and $download.credentials.mountPath (not $download.credentials.secretName) -}}
{{- fail "download.credentials.mountPath needs a Secret: name it in download.credentials.secretName." -}}
{{- end -}}
{{- if .Values.unusedModels.enabled -}}
{{- include "ai-agent.validateFilled" (dict "root" . "value" "unusedModels.volume" "key" .Values.unusedModels.volume) -}}
{{- if eq (include "ai-agent.store" (dict "root" . "key" .Values.unusedModels.volume) | fromJson).type "emptyDir" -}}
{{- fail "unusedModels.enabled is for a claim, and models.type is emptyDir: set unusedModels.enabled to false." -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* A volume that is to be written. */}}
{{- define "ai-agent.validateFilled" -}}
{{- $found := include "ai-agent.store" (dict "root" .root "key" .key) -}}
{{- if not $found -}}
{{- fail (printf "%s is %s, and there is no such volume: set models.enabled or sharedModels.enabled, or name one of extraModels." .value .key) -}}
{{- end -}}
{{- $store := fromJson $found -}}
{{- if eq $store.type "image" -}}
{{- fail (printf "%s is %s, an image, which has its model already: switch that off, or set models.type to claim." .value .key) -}}
{{- end -}}
{{- if eq ($store.accessMode | default "") "ReadOnlyMany" -}}
{{- fail (printf "%s is %s, which may only be read (ReadOnlyMany): choose another volume, or its accessMode ReadWriteMany." .value .key) -}}
{{- end -}}
{{- end -}}
