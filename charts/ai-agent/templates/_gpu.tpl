{{/* What an agent gets of the node: resources, GPUs, and the nodes that have them. */}}

{{- define "ai-agent.profiles" -}}
small:
  requests: {cpu: 500m, memory: 2Gi}
  limits: {cpu: "2", memory: 4Gi}
  gpus: 0
medium:
  requests: {cpu: "2", memory: 16Gi}
  limits: {cpu: "4", memory: 32Gi}
  gpus: 1
large:
  requests: {cpu: "8", memory: 64Gi}
  limits: {cpu: "16", memory: 128Gi}
  gpus: 4
{{- end -}}

{{/* The profile in force; an unknown one has been refused. */}}
{{- define "ai-agent.profile" -}}
{{- get (include "ai-agent.profiles" . | fromYaml) .Values.profile | default dict | toJson -}}
{{- end -}}

{{/* The GPUs, as JSON: enabled, count, resource, vendor, taint, memory (GiB of one, 0 if nobody has said), label (the
     node's, with that memory in MiB; empty if it has none), class (of devices, for a claim). */}}
{{- define "ai-agent.gpu" -}}
{{- $gpu := .Values.gpu -}}
{{- $ofProfile := (include "ai-agent.profile" . | fromJson).gpus | default 0 | int -}}
{{- $enabled := ternary (gt $ofProfile 0) $gpu.enabled (kindIs "invalid" $gpu.enabled) -}}
{{- $resources := dict "nvidia" "nvidia.com/gpu" "amd" "amd.com/gpu" "intel" "gpu.intel.com/i915" -}}
{{- $resource := get $resources $gpu.type | default $gpu.type -}}
{{- $vendor := "" -}}
{{- range $name, $own := $resources -}}
{{- if eq (splitList "/" $own | first) (splitList "/" $resource | first) -}}
{{- $vendor = $name -}}
{{- end -}}
{{- end -}}
{{- $partition := regexFind "^nvidia[.]com/mig-.*[.][0-9]+gb" $resource -}}
{{- $memory := $gpu.memory | default (regexFind "[0-9]+gb$" $partition | trimSuffix "gb" | float64) -}}
{{- $label := "" -}}
{{- if and $gpu.memory (eq $vendor "nvidia") -}}
{{- $label = ternary (printf "%s.memory" $resource) "nvidia.com/gpu.memory" (ne $partition "") -}}
{{- end -}}
{{- $classes := dict "nvidia" (ternary "mig.nvidia.com" "gpu.nvidia.com" (ne $partition "")) "amd" "gpu.amd.com" "intel" "gpu.intel.com" -}}
{{- dict
  "enabled" $enabled
  "count" ($gpu.count | default $ofProfile | default 1 | int)
  "resource" $resource
  "vendor" $vendor
  "taint" (get $resources $vendor | default $resource)
  "memory" $memory
  "label" $label
  "class" ($gpu.dra.deviceClassName | default (get $classes $vendor))
  | toJson -}}
{{- end -}}

{{/* One map of resources: the profile's, what is given outright, and the GPUs. A second `resources:` beside it would
     silently drop CPU and memory. */}}
{{- define "ai-agent.resources" -}}
{{- $profile := include "ai-agent.profile" . | fromJson -}}
{{- $gpu := include "ai-agent.gpu" . | fromJson -}}
{{- $all := dict -}}
{{- range $part := list "requests" "limits" -}}
{{- $map := dict -}}
{{- range $name, $value := mergeOverwrite (get $profile $part | default dict) (deepCopy (get $.Values.resources $part | default dict)) -}}
{{- if not (kindIs "invalid" $value) -}}
{{- $_ := set $map $name (toString $value) -}}
{{- end -}}
{{- end -}}
{{- if and $gpu.enabled (not $.Values.gpu.dra.enabled) -}}
{{- $_ := set $map $gpu.resource (toString $gpu.count) -}}
{{- end -}}
{{- $_ := set $all $part $map -}}
{{- end -}}
{{- if and $gpu.enabled .Values.gpu.dra.enabled -}}
{{- $_ := set $all "claims" (list (dict "name" "gpu")) -}}
{{- end -}}
{{- $all | toYaml -}}
{{- end -}}

{{/* A selector's labels as Kubernetes has them: text, also where somebody wrote true. */}}
{{- define "ai-agent.asText" -}}
{{- $text := dict -}}
{{- range $key, $value := . -}}
{{- $_ := set $text $key (toString $value) -}}
{{- end -}}
{{- $text | toJson -}}
{{- end -}}

{{- define "ai-agent.nodeSelector" -}}
{{- $own := include "ai-agent.asText" .Values.nodeSelector | fromJson -}}
{{- if (include "ai-agent.gpu" . | fromJson).enabled -}}
{{- $own = mergeOverwrite $own (include "ai-agent.asText" .Values.gpu.nodeSelector | fromJson) -}}
{{- end -}}
{{- $own | toJson -}}
{{- end -}}

{{/* The user's tolerations and the vendor's, as the API server would add it by itself where that is switched on. */}}
{{- define "ai-agent.tolerations" -}}
{{- $all := .Values.tolerations -}}
{{- $gpu := include "ai-agent.gpu" . | fromJson -}}
{{- if and $gpu.enabled .Values.gpu.toleration -}}
{{- $all = append $all (dict "key" $gpu.taint "operator" "Exists" "effect" "NoSchedule") | uniq -}}
{{- end -}}
{{- $all | toJson -}}
{{- end -}}

{{/* The least memory in MiB of a card that is sold with so many GiB: it reports up to 8 % less (firmware, ECC). */}}
{{- define "ai-agent.leastMemory" -}}
{{- mulf (float64 .) 1024.0 0.92 | floor | int64 -}}
{{- end -}}

{{/* The user's affinity, and the memory of the GPUs. Node selector terms are alternatives: it has to go into each. */}}
{{- define "ai-agent.affinity" -}}
{{- $affinity := deepCopy .Values.affinity -}}
{{- $gpu := include "ai-agent.gpu" . | fromJson -}}
{{- if and $gpu.enabled $gpu.label (not .Values.gpu.dra.enabled) -}}
{{- $more := list (dict "key" $gpu.label "operator" "Gt" "values" (list (sub (include "ai-agent.leastMemory" $gpu.memory | int64) 1 | toString))) -}}
{{- $node := get $affinity "nodeAffinity" | default dict -}}
{{- $must := get $node "requiredDuringSchedulingIgnoredDuringExecution" | default dict -}}
{{- $terms := list -}}
{{- range get $must "nodeSelectorTerms" | default (list dict) -}}
{{- $terms = append $terms (mergeOverwrite . (dict "matchExpressions" (concat (.matchExpressions | default list) $more))) -}}
{{- end -}}
{{- $_ := set $must "nodeSelectorTerms" $terms -}}
{{- $_ := set $node "requiredDuringSchedulingIgnoredDuringExecution" $must -}}
{{- $_ := set $affinity "nodeAffinity" $node -}}
{{- end -}}
{{- $affinity | toJson -}}
{{- end -}}

{{/* Where the pod may run. */}}
{{- define "ai-agent.placement" -}}
{{- $set := dict
  "nodeSelector" (include "ai-agent.nodeSelector" . | fromJson)
  "tolerations" (include "ai-agent.tolerations" . | fromJsonArray)
  "affinity" (include "ai-agent.affinity" . | fromJson)
  "topologySpreadConstraints" (include "ai-agent.spread" . | fromJsonArray)
-}}
{{- range $key, $value := $set -}}
{{- if not $value -}}
{{- $_ := unset $set $key -}}
{{- end -}}
{{- end -}}
{{- if $set -}}
{{- toYaml $set -}}
{{- end -}}
{{- end -}}

{{- define "ai-agent.spread" -}}
{{- $given := .Values.topologySpreadConstraints -}}
{{- if kindIs "invalid" $given -}}
{{- $given = list (dict "maxSkew" 1 "topologyKey" "kubernetes.io/hostname" "whenUnsatisfiable" "ScheduleAnyway") -}}
{{- end -}}
{{- $selector := dict "labelSelector" (dict "matchLabels" (include "ai-agent.selector" . | fromYaml)) -}}
{{- $all := list -}}
{{- range $given -}}
{{- $all = append $all (merge (deepCopy .) $selector) -}}
{{- end -}}
{{- $all | toJson -}}
{{- end -}}
