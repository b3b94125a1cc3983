{{/* A quantity, such as 4Gi, 500M or 2, as a number of MiB. */}}
{{- define "ai-agent.mebibytes" -}}
{{- $text := toString . -}}
{{- $number := regexFind "^[0-9.]+" $text | float64 -}}
{{- $units := dict "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 "Pi" 1125899906842624 "k" 1000 "M" 1000000 "G" 1000000000 "T" 1000000000000 "P" 1000000000000000 -}}
{{- divf (mulf $number (get $units (regexFind "[A-Za-z]*$" $text) | default 1)) 1048576.0 -}}
{{- end -}}

{{/* A quantity of CPU, such as 500m or 2, as a number of thousandths. */}}
{{- define "ai-agent.millicores" -}}
{{- $text := toString . -}}
{{- if hasSuffix "m" $text -}}
{{- trimSuffix "m" $text | float64 -}}
{{- else -}}
{{- mulf (float64 $text) 1000.0 -}}
{{- end -}}
{{- end -}}

{{/* A number of GiB, without a fraction that says nothing. */}}
{{- define "ai-agent.gibibytes" -}}
{{- printf "%.1f" (float64 .) | trimSuffix ".0" -}}
{{- end -}}
