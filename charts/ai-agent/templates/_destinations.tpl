{{/* Where the agent may go. */}}

{{/* What a host's name says of its place: `redis`, `redis.ai.svc` and `redis-0.redis.ai.svc.cluster.local` name a namespace.
     Takes a dict: root, host. */}}
{{- define "ai-agent.place" -}}
{{- if regexMatch "^[0-9]+[.][0-9]+[.][0-9]+[.][0-9]+$" .host -}}
{{- dict "kind" "address" "at" (printf "%s/32" .host) | toJson -}}
{{- else if contains ":" .host -}}
{{- dict "kind" "address" "at" (printf "%s/128" .host) | toJson -}}
{{- else if not (contains "." .host) -}}
{{- dict "kind" "namespace" "at" .root.Release.Namespace | toJson -}}
{{- else if regexMatch "^.+[.]svc([.].*)?$" .host -}}
{{- dict "kind" "namespace" "at" (regexReplaceAll "[.]svc([.].*)?$" .host "" | splitList "." | last) | toJson -}}
{{- else -}}
{{- dict "kind" "host" "at" .host | toJson -}}
{{- end -}}
{{- end -}}

{{/* The place behind `host:port` or a URL, as JSON with its ports. Takes a dict: root, address, ports (of the pods, if
     they differ). */}}
{{- define "ai-agent.destination" -}}
{{- $host := .address -}}
{{- if contains "://" .address -}}
{{- $url := urlParse .address -}}
{{- $host = print $url.host (ternary "" (ternary ":443" ":80" (eq $url.scheme "https")) (regexMatch ":[0-9]+$" $url.host)) -}}
{{- end -}}
{{- $ports := .ports | default (list (regexFind "[0-9]+$" $host | int)) -}}
{{- $name := regexReplaceAll ":[0-9]+$" $host "" | trimPrefix "[" | trimSuffix "]" -}}
{{- merge (dict "ports" $ports) (include "ai-agent.place" (dict "root" .root "host" $name) | fromJson) | toJson -}}
{{- end -}}

{{/* All of them, as a JSON list of {kind: namespace | address | host | pods | networks, at, ports}, without repetitions. */}}
{{- define "ai-agent.destinations" -}}
{{- $found := list -}}
{{- if include "ai-agent.triesRedis" . -}}
{{- $found = append $found (dict "kind" "pods" "at" (include "ai-agent.tryRedisSelector" . | fromYaml) "ports" (list 6379)) -}}
{{- else if and .Values.queue.enabled .Values.queue.address -}}
{{- $found = append $found (include "ai-agent.destination" (dict "root" . "address" .Values.queue.address "ports" .Values.queue.podPorts) | fromJson) -}}
{{- end -}}
{{- if .Values.qdrant.enabled -}}
{{- $found = append $found (include "ai-agent.destination" (dict "root" . "address" .Values.qdrant.url "ports" .Values.networkPolicy.egress.qdrantPorts) | fromJson) -}}
{{- end -}}
{{- if .Values.litellm.enabled -}}
{{- $found = append $found (include "ai-agent.destination" (dict "root" . "address" .Values.litellm.baseUrl "ports" .Values.networkPolicy.egress.litellmPorts) | fromJson) -}}
{{- end -}}
{{- if .Values.dapr.enabled -}}
{{- $found = append $found (dict "kind" "namespace" "at" .Values.networkPolicy.daprNamespace "ports" (list 6500 50001 50005 50006)) -}}
{{- end -}}
{{- if and .Values.istio.enabled (eq .Values.istio.mode "sidecar") -}}
{{- $found = append $found (dict "kind" "namespace" "at" .Values.networkPolicy.istioNamespace "ports" (list 15012)) -}}
{{- end -}}
{{- if .Values.download.enabled -}}
{{- $found = concat $found (include "ai-agent.downloadDestinations" . | fromJsonArray) -}}
{{- end -}}
{{- $found | uniq | toJson -}}
{{- end -}}

{{/* Where models come from while they are downloaded: the hosts of the files, and what is named beside them. */}}
{{- define "ai-agent.downloadDestinations" -}}
{{- $found := list -}}
{{- $download := .Values.networkPolicy.egress.download -}}
{{- range .Values.download.files -}}
{{- $found = append $found (include "ai-agent.destination" (dict "root" $ "address" .url) | fromJson) -}}
{{- end -}}
{{- range $download.hosts -}}
{{- $found = append $found (merge (dict "ports" $download.ports) (include "ai-agent.place" (dict "root" $ "host" .) | fromJson)) -}}
{{- end -}}
{{- if $download.cidrs -}}
{{- $found = append $found (dict "kind" "networks" "at" $download.cidrs "ports" $download.ports) -}}
{{- else if and (not .Values.download.files) (eq .Values.networkPolicy.flavour "kubernetes") -}}
{{- $found = append $found (dict "kind" "host" "at" "" "ports" $download.ports) -}}
{{- end -}}
{{- $found | toJson -}}
{{- end -}}

{{/* The ports that the agent's containers listen on, as a JSON list; in an ambient mesh traffic comes by the mesh's own. */}}
{{- define "ai-agent.openPorts" -}}
{{- $ports := list -}}
{{- range .Values.ports -}}
{{- $ports = append $ports (int .containerPort) -}}
{{- end -}}
{{- if include "ai-agent.ambient" . -}}
{{- $ports = append $ports 15008 -}}
{{- end -}}
{{- $ports | uniq | toJson -}}
{{- end -}}

{{- define "ai-agent.ambient" -}}
{{- if and .Values.istio.enabled (eq .Values.istio.mode "ambient") -}}
yes
{{- end -}}
{{- end -}}

{{/* Not empty where the scaler that comes along reads metrics pages, which may be the agent's. */}}
{{- define "ai-agent.scrapedByScaler" -}}
{{- if include "ai-agent.makesDocument" . -}}
{{- range .Values.policy.connections -}}
{{- if eq .type "scrape" -}}
yes
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Helm merges maps, so a default in the values would stay beside the user's own labels. */}}
{{- define "ai-agent.dnsLabels" -}}
{{- .Values.networkPolicy.dns.podLabels | default (dict "k8s-app" "kube-dns") | toYaml -}}
{{- end -}}

{{/* What stands for the scaler's values where the scaler's own templates let out to the document's sources. */}}
{{- define "ai-agent.scalerWithDocument" -}}
{{- mergeOverwrite (deepCopy .Values.scaler) (dict "config" (include "ai-agent.document" . | fromYaml)) | toJson -}}
{{- end -}}
