{{/* Where the configured sources are, as JSON: a list of {kind: namespace | address | host, at, ports}, without repetitions. */}}
{{- define "agent-scaler.destinations" -}}
{{- $found := list -}}
{{- range $name, $connection := .Values.config.connections -}}
{{- $endpoints := concat ($connection.addresses | default list) (list ($connection.amqp | default "")) -}}
{{- range concat (list ($connection.url | default "") ($connection.management | default "")) ($connection.urls | default list) -}}
{{- if . -}}
{{- $url := urlParse . -}}
{{- $port := ternary "" (ternary ":443" ":80" (eq $url.scheme "https")) (regexMatch ":[0-9]+$" $url.host) -}}
{{- $endpoints = append $endpoints (print $url.host $port) -}}
{{- end -}}
{{- end -}}
{{- range compact $endpoints -}}
{{- $host := regexReplaceAll ":[0-9]+$" . "" | trimPrefix "[" | trimSuffix "]" -}}
{{- $ports := get $.Values.networkPolicy.egress.ports $name | default (list (regexFind "[0-9]+$" . | int)) -}}
{{- $found = append $found (merge (dict "ports" $ports) (include "agent-scaler.place" (dict "root" $ "host" $host) | fromJson)) -}}
{{- end -}}
{{- end -}}
{{- $found | uniq | toJson -}}
{{- end -}}

{{/* What a host's name says of its place: `redis`, `redis.ai.svc` and `redis-0.redis.ai.svc.cluster.local` name a namespace. */}}
{{- define "agent-scaler.place" -}}
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

{{/* Helm merges maps, so a default in the values would stay beside the user's own labels. */}}
{{- define "agent-scaler.dnsLabels" -}}
{{- .Values.networkPolicy.dns.podLabels | default (dict "k8s-app" "kube-dns") | toYaml -}}
{{- end -}}
