{{/* What the values of the pod say of each other. */}}
{{- define "ai-agent.validatePod" -}}
{{- include "ai-agent.validateImages" . -}}
{{- include "ai-agent.validateSize" . -}}
{{- include "ai-agent.validateGpu" . -}}
{{- include "ai-agent.validateStores" . -}}
{{- include "ai-agent.validateModel" . -}}
{{- include "ai-agent.validateMemoryVolumes" . -}}
{{- include "ai-agent.validateDownload" . -}}
{{- include "ai-agent.validateSidecars" . -}}
{{- include "ai-agent.validateLife" . -}}
{{- include "ai-agent.validateExtras" . -}}
{{- if and (not .Values.serviceAccount.create) (not .Values.serviceAccount.name) -}}
{{- fail "serviceAccount.create is false: name your own in serviceAccount.name, for instance default." -}}
{{- end -}}
{{- end -}}

{{/* What runs must not change by itself. */}}
{{- define "ai-agent.validateImages" -}}
{{- range $part := list "" "download" "unusedModels" "logging" "redis" "test" -}}
{{- $holder := ternary $.Values (get $.Values $part) (eq $part "") -}}
{{- if or (eq $part "") $holder.enabled -}}
{{- $value := ternary "image" (printf "%s.image" $part) (eq $part "") -}}
{{- if not (kindIs "invalid" $holder.image.tag) -}}
{{- if or (eq $holder.image.tag "latest") (and (eq $holder.image.tag "") (not $holder.image.digest)) -}}
{{- fail (printf "%s.tag is %q: name a version, so that what runs does not change by itself." $value $holder.image.tag) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "ai-agent.validateSize" -}}
{{- $profiles := include "ai-agent.profiles" . | fromYaml -}}
{{- if not (hasKey $profiles .Values.profile) -}}
{{- fail (printf "profile is %q: choose one of %s." .Values.profile (keys $profiles | sortAlpha | join ", ")) -}}
{{- end -}}
{{- range $part := list "requests" "limits" -}}
{{- range $name, $_ := get $.Values.resources $part -}}
{{- if has $name (list "gpu" "gpus") -}}
{{- fail (printf "resources.%s names %s, which no node has: remove it, and set gpu.enabled (and gpu.type, gpu.count)." $part $name) -}}
{{- end -}}
{{- if contains "/" $name -}}
{{- fail (printf "resources.%s names %s: remove it, and say it by gpu.type and gpu.count, the one place for the number." $part $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $resources := include "ai-agent.resources" . | fromYaml -}}
{{- range $name, $reader := dict "cpu" "ai-agent.millicores" "memory" "ai-agent.mebibytes" -}}
{{- $request := get $resources.requests $name -}}
{{- $limit := get $resources.limits $name -}}
{{- if and $request $limit -}}
{{- if gt (include $reader $request | float64) (include $reader $limit | float64) -}}
{{- fail (printf "resources.requests.%s is %s, more than the limit of %s: set resources.requests.%s and resources.limits.%s both, or choose another profile than %s." $name $request $limit $name $name $.Values.profile) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "ai-agent.validateGpu" -}}
{{- $gpu := include "ai-agent.gpu" . | fromJson -}}
{{- $type := .Values.gpu.type -}}
{{- if and (not (has $type (list "nvidia" "amd" "intel"))) (not (regexMatch "^[a-z0-9.-]+/[A-Za-z0-9._-]+$" $type)) -}}
{{- fail (printf "gpu.type is %q, and no node has such a resource: say nvidia, amd or intel, or the resource's whole name, such as nvidia.com/gpu." $type) -}}
{{- end -}}
{{- if not $gpu.enabled -}}
{{- if .Values.gpu.count -}}
{{- fail (printf "gpu.count is %d, but GPUs are off: set gpu.enabled to true, or leave gpu.count out." (int .Values.gpu.count)) -}}
{{- end -}}
{{- if .Values.gpu.dra.enabled -}}
{{- fail "gpu.dra.enabled is for GPUs, and they are off: set gpu.enabled to true too." -}}
{{- end -}}
{{- if .Values.probes.liveness.gpu -}}
{{- fail "probes.liveness.gpu asks for a GPU that the agent does not have: set gpu.enabled to true, or probes.liveness.gpu to false." -}}
{{- end -}}
{{- else -}}
{{- include "ai-agent.validateGpuNodes" . -}}
{{- end -}}
{{- end -}}

{{- define "ai-agent.validateGpuNodes" -}}
{{- $gpu := include "ai-agent.gpu" . | fromJson -}}
{{- $own := include "ai-agent.asText" .Values.nodeSelector | fromJson -}}
{{- range $key, $value := include "ai-agent.asText" .Values.gpu.nodeSelector | fromJson -}}
{{- if ne (get $own $key | default $value) $value -}}
{{- fail (printf "gpu.nodeSelector has %s: %s, and nodeSelector %s: no node has both, so remove one." $key $value (get $own $key)) -}}
{{- end -}}
{{- end -}}
{{- if .Values.gpu.dra.enabled -}}
{{- if semverCompare "<1.34-0" .Capabilities.KubeVersion.Version -}}
{{- fail (printf "gpu.dra.enabled needs Kubernetes 1.34, and this is %s: set it to false, so that GPUs are counted." .Capabilities.KubeVersion.Version) -}}
{{- end -}}
{{- if not $gpu.class -}}
{{- fail (printf "gpu.dra.enabled needs a class of devices for %s: name it in gpu.dra.deviceClassName." $gpu.resource) -}}
{{- end -}}
{{- else if not (or (include "ai-agent.nodeSelector" . | fromJson) (include "ai-agent.affinity" . | fromJson).nodeAffinity) -}}
{{- fail "gpu.enabled without a choice of nodes: set gpu.nodeSelector (for instance gpu-node: \"true\"), nodeSelector, affinity.nodeAffinity, or for NVIDIA gpu.memory." -}}
{{- end -}}
{{- end -}}

{{/* An underestimated GPU is the commonest failed install. */}}
{{- define "ai-agent.validateModel" -}}
{{- with .Values.model.sizeGiB -}}
{{- $size := include "ai-agent.gibibytes" . -}}
{{- $needed := mulf (float64 .) 1.2 -}}
{{- $gpu := include "ai-agent.gpu" $ | fromJson -}}
{{- if $gpu.enabled -}}
{{- $have := mulf (float64 $gpu.count) (float64 $gpu.memory) -}}
{{- if not $gpu.memory -}}
{{- fail (printf "model.sizeGiB is %s, and gpu.memory is not given: say how many GiB one GPU has, so that it is seen whether the model fits." $size) -}}
{{- end -}}
{{- if lt $have $needed -}}
{{- fail (printf "model.sizeGiB is %s, which takes %s GiB with %s to spare, and %d GPU(s) of %s GiB have %s: raise gpu.count or gpu.memory, or use a smaller (quantized) model." $size (include "ai-agent.gibibytes" $needed) "20 %" (int $gpu.count) (include "ai-agent.gibibytes" $gpu.memory) (include "ai-agent.gibibytes" $have)) -}}
{{- end -}}
{{- else -}}
{{- $limit := (include "ai-agent.resources" $ | fromYaml).limits.memory -}}
{{- if $limit -}}
{{- $have := divf (include "ai-agent.mebibytes" $limit | float64) 1024.0 -}}
{{- if lt $have $needed -}}
{{- fail (printf "model.sizeGiB is %s, which takes %s GiB with %s to spare, and without a GPU the memory limit is %s GiB: raise resources.limits.memory, or set gpu.enabled." $size (include "ai-agent.gibibytes" $needed) "20 %" (include "ai-agent.gibibytes" $have)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- with include "ai-agent.store" (dict "root" $ "key" (ternary $.Values.download.volume "models" $.Values.download.enabled)) -}}
{{- $store := fromJson . -}}
{{- if or $store.make (eq $store.type "emptyDir") -}}
{{- $have := divf (include "ai-agent.mebibytes" $store.size | float64) 1024.0 -}}
{{- if lt $have (float64 $.Values.model.sizeGiB) -}}
{{- fail (printf "model.sizeGiB is %s, and the %s volume holds %s GiB: raise %s.size." $size $store.key (include "ai-agent.gibibytes" $have) (ternary $store.key (printf "extraModels.%s" $store.key) (has $store.key (list "models" "sharedModels")))) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "ai-agent.validateSidecars" -}}
{{- if .Values.dapr.enabled -}}
{{- $ports := list -}}
{{- range .Values.ports -}}
{{- $ports = append $ports (int .containerPort) -}}
{{- end -}}
{{- $port := include "ai-agent.daprPort" . | int -}}
{{- if not (has $port $ports) -}}
{{- fail (printf "dapr.appPort is %d, which the agent does not have: name one of ports (%s)." $port (join ", " $ports | default "there are none")) -}}
{{- end -}}
{{- if include "ai-agent.endsByItself" . -}}
{{- fail "dapr.enabled with keda.kind ScaledJob: Dapr's sidecar does not end with the job, so set keda.kind to ScaledObject, or dapr.enabled to false." -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "ai-agent.validateLife" -}}
{{- $names := list -}}
{{- range .Values.ports -}}
{{- if has .name $names -}}
{{- fail (printf "ports has %s twice: give one of them another name." .name) -}}
{{- end -}}
{{- $names = append $names .name -}}
{{- end -}}
{{- range $name, $probe := .Values.probes -}}
{{- if and $probe.enabled (not $probe.handler) (not (has $probe.port $names)) -}}
{{- fail (printf "probes.%s.port is %q, which the agent does not have: name one of ports (%s), give a probes.%s.handler, or set probes.%s.enabled to false." $name $probe.port (join ", " $names | default "there are none") $name $name) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.probes.liveness.enabled (not .Values.probes.startup.enabled) -}}
{{- fail "probes.liveness without probes.startup would kill an agent that loads its model: set probes.startup.enabled to true, or probes.liveness.enabled to false." -}}
{{- end -}}
{{- $budget := include "ai-agent.startupBudget" . | int -}}
{{- with .Values.progressDeadlineSeconds -}}
{{- if le (int .) $budget -}}
{{- fail (printf "progressDeadlineSeconds is %d, and startup and download may take %d: set it higher, or leave it out." (int .) $budget) -}}
{{- end -}}
{{- end -}}
{{- $least := add .Values.drain.preStopSeconds .Values.drain.jobSeconds -}}
{{- with .Values.terminationGracePeriodSeconds -}}
{{- if lt (int .) (int $least) -}}
{{- fail (printf "terminationGracePeriodSeconds is %d, and drain.preStopSeconds and drain.jobSeconds are %d together: a job would be killed, so set it higher, or leave it out." (int .) (int $least)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
