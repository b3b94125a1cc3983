{{/* What one value says of another; each refusal is a sentence that says what to change. */}}

{{- define "agent-scaler.validate" -}}
{{- include "agent-scaler.validateProcess" . -}}
{{- include "agent-scaler.validateObserver" . -}}
{{- include "agent-scaler.validateState" . -}}
{{- include "agent-scaler.validateTls" . -}}
{{- include "agent-scaler.validateDocument" . -}}
{{- include "agent-scaler.validateSecrets" . -}}
{{- include "agent-scaler.validateNetworkPolicy" . -}}
{{- end -}}

{{- define "agent-scaler.validateProcess" -}}
{{- if ne (int .Values.replicas) 1 -}}
{{- fail (printf "replicas is %d: set it to 1. Several scalers would contradict each other, and while the one restarts KEDA leaves workloads as they are, for as long as their cooldownPeriod." (int .Values.replicas)) -}}
{{- end -}}
{{- if not (kindIs "invalid" .Values.image.tag) -}}
{{- if has .Values.image.tag (list "" "latest") -}}
{{- fail (printf "image.tag is %q: name a version, or leave it out for %s, so that what runs does not change by itself." .Values.image.tag .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}
{{- if and (not .Values.serviceAccount.create) (not .Values.serviceAccount.name) -}}
{{- fail "serviceAccount.create is false: name your own in serviceAccount.name, for instance default." -}}
{{- end -}}
{{- $taken := list "SCALER_CONFIG" "SCALER_GRPC_ADDRESS" "SCALER_HTTP_ADDRESS" "SCALER_TLS_CERT" "SCALER_TLS_KEY" "SCALER_TLS_CLIENT_CA" "SCALER_LOG_LEVEL" "SCALER_LOG_FORMAT" "SCALER_REFLECTION" "SCALER_OBSERVE" "SCALER_OBSERVE_NAMESPACES" "SCALER_KUBECONFIG" "SCALER_EVENTS" "SCALER_POD_DELETION_COST" "SCALER_STATE" -}}
{{- range .Values.env -}}
{{- if has .name $taken -}}
{{- fail (printf "env sets %s, which is the chart's own: use log, tls, reflection, observer, state or config instead." .name) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "agent-scaler.validateObserver" -}}
{{- $observer := .Values.observer -}}
{{- if and (not $observer.enabled) (or $observer.podDeletionCost $observer.namespaces) -}}
{{- fail "observer has settings but is off: set observer.enabled to true, or remove observer.podDeletionCost and observer.namespaces." -}}
{{- end -}}
{{- end -}}

{{- define "agent-scaler.validateState" -}}
{{- $state := .Values.state -}}
{{- if and (not $state.enabled) $state.claim.enabled -}}
{{- fail "state.claim.enabled needs state.enabled: set it to true, or leave the claim out." -}}
{{- end -}}
{{- if and (not $state.claim.enabled) $state.claim.existingClaim -}}
{{- fail (printf "state.claim.existingClaim is %q, but no claim is used: set state.claim.enabled to true." $state.claim.existingClaim) -}}
{{- end -}}
{{- end -}}

{{- define "agent-scaler.validateTls" -}}
{{- $tls := .Values.tls -}}
{{- $authentication := .Values.keda.authentication -}}
{{- if $tls.enabled -}}
{{- if and $tls.secretName $tls.certManager.enabled -}}
{{- fail "tls.secretName and tls.certManager.enabled are both set: give a certificate, or let cert-manager make one, not both." -}}
{{- end -}}
{{- if not (or $tls.secretName $tls.certManager.enabled) -}}
{{- fail "tls.enabled needs a certificate: name a Secret in tls.secretName, or set tls.certManager.enabled." -}}
{{- end -}}
{{- if and $tls.certManager.enabled (not $tls.certManager.issuerRef.name) -}}
{{- fail "tls.certManager.enabled needs an issuer: name it in tls.certManager.issuerRef.name." -}}
{{- end -}}
{{- if and $tls.mutual.enabled (not $tls.certManager.enabled) (not $tls.mutual.caSecretName) -}}
{{- fail "tls.mutual.enabled needs the clients' authorities: name a Secret with ca.crt in tls.mutual.caSecretName." -}}
{{- end -}}
{{- if and $tls.mutual.enabled .Values.test.enabled (not (include "agent-scaler.clientSecretName" .)) -}}
{{- fail "test.enabled needs a client's certificate with mutual TLS: name its Secret in tls.mutual.clientSecretName, or set test.enabled to false." -}}
{{- end -}}
{{- else -}}
{{- if or $tls.secretName $tls.certManager.enabled $tls.mutual.enabled -}}
{{- fail "tls has settings but is off: set tls.enabled to true, or remove tls.secretName, tls.certManager.enabled and tls.mutual.enabled." -}}
{{- end -}}
{{- end -}}
{{- if $authentication.create -}}
{{- if not $tls.enabled -}}
{{- fail "keda.authentication.create is for TLS: set tls.enabled too, or leave keda.authentication.create out." -}}
{{- end -}}
{{- if and $tls.mutual.enabled (not $authentication.secretName) (not (include "agent-scaler.clientSecretName" .)) -}}
{{- fail "keda.authentication.create needs KEDA's own certificate: name its Secret in tls.mutual.clientSecretName." -}}
{{- end -}}
{{- if and (eq $authentication.kind "ClusterTriggerAuthentication") (not $authentication.secretName) (ne .Release.Namespace .Values.keda.namespace) -}}
{{- fail (printf "keda.authentication reads its Secret in KEDA's namespace %s, not in %s: install the chart there, name a copy there in keda.authentication.secretName, or set keda.authentication.kind to TriggerAuthentication." .Values.keda.namespace .Release.Namespace) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The parts of the document among themselves, where the schema cannot look; the scaler checks them all. */}}
{{- define "agent-scaler.validateDocument" -}}
{{- $config := .Values.config -}}
{{- if and (include "agent-scaler.existingConfigMap" .) $config -}}
{{- fail "config and existingConfigMap are both set: write the document in one of them." -}}
{{- end -}}
{{- $connections := keys ($config.connections | default dict) | sortAlpha -}}
{{- range $name, $policy := $config.policies -}}
{{- range $signal := list "queue" "requests" "gpu" -}}
{{- $connection := (get ($policy | default dict) $signal | default dict).connection -}}
{{- if and $connection (not (has $connection $connections)) -}}
{{- fail (printf "config.policies.%s.%s.connection is %q, which config.connections does not have: add it there, or name one of: %s." $name $signal $connection (join ", " $connections | default "(there are none)")) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $default := ($config.defaults | default dict).policy -}}
{{- if and $default (not (hasKey ($config.policies | default dict) $default)) -}}
{{- fail (printf "config.defaults.policy is %q, which config.policies does not have: add it there, or name another." $default) -}}
{{- end -}}
{{- end -}}

{{/* Every secret that the document reads has to be there. */}}
{{- define "agent-scaler.validateSecrets" -}}
{{- $directories := list -}}
{{- range .Values.secrets -}}
{{- $directory := .directory | default .name -}}
{{- if has $directory $directories -}}
{{- fail (printf "secrets has %s twice: give one of them another directory." $directory) -}}
{{- end -}}
{{- $directories = append $directories $directory -}}
{{- end -}}
{{- $variables := list -}}
{{- range .Values.env -}}
{{- $variables = append $variables .name -}}
{{- end -}}
{{- range $name, $connection := .Values.config.connections -}}
{{- $tls := $connection.tls | default dict -}}
{{- $read := concat (list $connection.password $connection.sentinelPassword $connection.bearerToken) (values ($connection.headers | default dict)) (list (dict "file" $tls.ca) (dict "file" $tls.cert) (dict "file" $tls.key)) -}}
{{- range $secret := $read -}}
{{- if kindIs "map" $secret -}}
{{- $file := $secret.file | default "" -}}
{{- if and (hasPrefix "/etc/scaler/secrets/" $file) (not $.Values.extraVolumeMounts) -}}
{{- $parts := trimPrefix "/etc/scaler/secrets/" $file | splitList "/" -}}
{{- if lt (len $parts) 2 -}}
{{- fail (printf "config.connections.%s reads %s, which is in no Secret's directory: read /etc/scaler/secrets/<directory>/<key>." $name $file) -}}
{{- end -}}
{{- if not (has (first $parts) $directories) -}}
{{- fail (printf "config.connections.%s reads %s, which is not mounted: add the Secret to secrets (with directory: %s), or correct the path." $name $file (first $parts)) -}}
{{- end -}}
{{- end -}}
{{- if and $secret.env (not (has $secret.env $variables)) (not $.Values.envFrom) -}}
{{- fail (printf "config.connections.%s reads the variable %s, which is not set: add it to env or envFrom." $name $secret.env) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "agent-scaler.validateNetworkPolicy" -}}
{{- $egress := .Values.networkPolicy.egress -}}
{{- if .Values.networkPolicy.enabled -}}
{{- $elsewhere := include "agent-scaler.existingConfigMap" . -}}
{{- if and $elsewhere (not $egress.extra) (not $egress.otherPolicy) -}}
{{- fail "networkPolicy cannot read existingConfigMap: say in networkPolicy.egress.extra where its sources are, in networkPolicy.egress.otherPolicy that another policy lets out to them, or set networkPolicy.enabled to false." -}}
{{- end -}}
{{- range $name, $_ := $egress.ports -}}
{{- if not (or $elsewhere (hasKey ($.Values.config.connections | default dict) $name)) -}}
{{- fail (printf "networkPolicy.egress.ports.%s is no connection of config.connections: remove it, or correct its name." $name) -}}
{{- end -}}
{{- end -}}
{{- range $name, $connection := .Values.config.connections -}}
{{- if and (eq ($connection.mode | default "") "sentinel") (not (get $egress.ports $name)) -}}
{{- fail (printf "config.connections.%s asks Sentinels for its servers, whose port the chart cannot know: name both in networkPolicy.egress.ports.%s, for instance [26379, 6379]." $name $name) -}}
{{- end -}}
{{- end -}}
{{- if and $egress.externalCIDRs (eq .Values.networkPolicy.flavour "cilium") -}}
{{- fail "networkPolicy.egress.externalCIDRs is for the flavour kubernetes: cilium lets out by name, remove it." -}}
{{- end -}}
{{- if and $.Values.networkPolicy.apiServer.cidrs (eq .Values.networkPolicy.flavour "cilium") -}}
{{- fail "networkPolicy.apiServer.cidrs is for the flavour kubernetes: cilium knows the API server, remove it." -}}
{{- end -}}
{{- end -}}
{{- end -}}
