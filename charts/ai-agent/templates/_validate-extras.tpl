{{/* What users add to the pod: pinned, restricted, and with names that are free. */}}
{{- define "ai-agent.validateExtras" -}}
{{- $taken := list "agent" "download" "logging" -}}
{{- range $value := list "extraContainers" "extraInitContainers" -}}
{{- range $container := get $.Values $value -}}
{{- if has ($container.name | default "") $taken -}}
{{- fail (printf "%s has a container named %s, and there is one already: give it another name." $value $container.name) -}}
{{- end -}}
{{- $taken = append $taken ($container.name | default "") -}}
{{- include "ai-agent.validateContainer" (dict "value" $value "container" $container) -}}
{{- end -}}
{{- end -}}
{{- include "ai-agent.validateVolumes" . -}}
{{- end -}}

{{- define "ai-agent.validateContainer" -}}
{{- $of := printf "%s %s" .value (.container.name | default "(without a name)") -}}
{{- $image := .container.image | default "" -}}
{{- $last := splitList "/" $image | last -}}
{{- if or (not (regexMatch "[:@]" $last)) (hasSuffix ":latest" $last) (hasSuffix ":" $last) -}}
{{- fail (printf "%s has the image %q: name a version or a digest, so that what runs does not change by itself." $of $image) -}}
{{- end -}}
{{- $security := .container.securityContext | default dict -}}
{{- $added := without ((($security.capabilities).add) | default list) "NET_BIND_SERVICE" -}}
{{- $wrong := list -}}
{{- if $security.privileged -}}{{- $wrong = append $wrong "privileged" -}}{{- end -}}
{{- if $security.allowPrivilegeEscalation -}}{{- $wrong = append $wrong "allowPrivilegeEscalation" -}}{{- end -}}
{{- if eq (toString $security.runAsNonRoot) "false" -}}{{- $wrong = append $wrong "runAsNonRoot: false" -}}{{- end -}}
{{- if eq (toString $security.runAsUser) "0" -}}{{- $wrong = append $wrong "runAsUser: 0" -}}{{- end -}}
{{- if $added -}}{{- $wrong = append $wrong (printf "capabilities.add: %s" (join ", " $added)) -}}{{- end -}}
{{- if not (has (toString ($security.capabilities).drop) (list "<nil>" "[ALL]")) -}}{{- $wrong = append $wrong "capabilities.drop without ALL" -}}{{- end -}}
{{- if not (has (toString ($security.seccompProfile).type) (list "<nil>" "RuntimeDefault" "Localhost")) -}}{{- $wrong = append $wrong "seccompProfile" -}}{{- end -}}
{{- if $wrong -}}
{{- fail (printf "%s asks for more than Kubernetes' restricted standard allows (%s): remove that from its securityContext." $of (join "; " $wrong)) -}}
{{- end -}}
{{- range .container.ports -}}
{{- if .hostPort -}}
{{- fail (printf "%s has a hostPort, which Kubernetes' restricted standard does not allow: remove it, and use a Service." $of) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "ai-agent.validateVolumes" -}}
{{- $taken := list -}}
{{- range include "ai-agent.ownVolumes" . | fromYamlArray -}}
{{- $taken = append $taken .name -}}
{{- end -}}
{{- $roots := list .Values.models.mountPath -}}
{{- range include "ai-agent.stores" . | fromJsonArray -}}
{{- $roots = append $roots .mountPath -}}
{{- end -}}
{{- $ephemeral := list -}}
{{- $allowed := list "configMap" "csi" "downwardAPI" "emptyDir" "ephemeral" "image" "persistentVolumeClaim" "projected" "secret" -}}
{{- range .Values.extraVolumes -}}
{{- if has (.name | default "") $taken -}}
{{- fail (printf "extraVolumes has a volume named %s, and there is one already: give it another name." .name) -}}
{{- end -}}
{{- $taken = append $taken (.name | default "") -}}
{{- range $kind, $_ := omit . "name" -}}
{{- if not (has $kind $allowed) -}}
{{- fail (printf "extraVolumes has a %s, which Kubernetes' restricted standard does not allow: make a claim of it (%s)." $kind (join ", " $allowed)) -}}
{{- end -}}
{{- end -}}
{{- if or (hasKey . "emptyDir") (hasKey . "ephemeral") -}}
{{- $ephemeral = append $ephemeral .name -}}
{{- end -}}
{{- end -}}
{{- range .Values.extraVolumeMounts -}}
{{- if not (has (.name | default "") $taken) -}}
{{- fail (printf "extraVolumeMounts mounts %s, and there is no such volume: add it to extraVolumes." (.name | default "(nothing)")) -}}
{{- end -}}
{{- $mount := . -}}
{{- range $root := uniq $roots -}}
{{- if and (has $mount.name $ephemeral) (or (eq $mount.mountPath $root) (hasPrefix (printf "%s/" $root) $mount.mountPath)) (not $.Values.models.allowEphemeral) -}}
{{- fail (printf "extraVolumeMounts mounts %s, an emptyDir, at %s: every new pod would download the model again, so use models.enabled, or set models.allowEphemeral to true." $mount.name $mount.mountPath) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
