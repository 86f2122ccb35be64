{{- define "tessera.fullname" -}}
{{- if contains "tessera" .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-tessera" .Release.Name | trunc 40 | trimSuffix "-" }}{{ end }}
{{- end }}

{{/* The installation's name in metrics. */}}
{{- define "tessera.stack" -}}{{ .Release.Namespace }}/{{ .Release.Name }}{{- end }}

{{/* Labels that select: (dict "root" $ "component" "api"). */}}
{{- define "tessera.selector" -}}
app.kubernetes.io/name: tessera
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "tessera.labels" -}}
{{ include "tessera.selector" . }}
app.kubernetes.io/part-of: tessera
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end }}

{{/* One of our images: (dict "root" $ "target" "api"). */}}
{{- define "tessera.image" -}}
{{ .root.Values.image.registry }}tessera-{{ .target }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}
{{- end }}

{{- define "tessera.databaseUrl" -}}
{{- if .Values.database.bundled -}}
postgresql://tessera@{{ include "tessera.fullname" . }}-postgres:5432/tessera
{{- else -}}
{{ required "database.url: set it to postgresql://USER@HOST:PORT/DATABASE, or database.bundled to true" .Values.database.url }}
{{- end -}}
{{- end }}

{{- define "tessera.databasePort" -}}
{{- $host := (urlParse (include "tessera.databaseUrl" .)).host -}}
{{- if contains ":" $host }}{{ splitList ":" $host | last }}{{ else }}5432{{ end -}}
{{- end }}

{{- define "tessera.hasDatabasePassword" -}}
{{- if or .Values.database.bundled .Values.database.hasPassword }}true{{ end -}}
{{- end }}

{{/* What all pods of ours have in common, above `containers`. */}}
{{- define "tessera.pod" -}}
enableServiceLinks: false
automountServiceAccountToken: false
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: {{ .user | default 1000 }}
  runAsGroup: {{ .user | default 1000 }}
  fsGroup: {{ .user | default 1000 }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- end }}

{{- define "tessera.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop:
    - ALL
{{- end }}

{{/* Environment of a service: (dict "root" $ "settings" (dict NAME VALUE ...)). */}}
{{- define "tessera.env" -}}
{{- $root := .root -}}
{{- $settings := merge (dict) (.settings | default dict) $root.Values.settings -}}
- name: TESSERA_DATABASE_URL
  value: {{ include "tessera.databaseUrl" $root | quote }}
{{- if include "tessera.hasDatabasePassword" $root }}
- name: TESSERA_DATABASE_PASSWORD_FILE
  value: /run/secrets/tessera/postgres-password
{{- end }}
{{- if $root.Values.caCertificates }}
- name: NODE_EXTRA_CA_CERTS
  value: /run/secrets/tessera/ca.pem
{{- end }}
{{- if eq $root.Values.redis.mode "bundled" }}
- name: TESSERA_REDIS_URL
  value: redis://{{ include "tessera.fullname" $root }}-redis:6379
{{- else if eq $root.Values.redis.mode "external" }}
- name: TESSERA_REDIS_URL
  {{- if $root.Values.redis.hasPassword }}
  valueFrom:
    secretKeyRef:
      name: {{ $root.Values.secretName }}
      key: redis-url
  {{- else }}
  value: {{ required "redis.url: set it to redis://HOST:PORT, or redis.hasPassword to true and redis-url in the Secret" $root.Values.redis.url | quote }}
  {{- end }}
{{- end }}
{{- with $root.Values.store.s3 }}
{{- if .url }}
- name: TESSERA_STORE
  value: {{ .url }}
{{- with .region }}
- name: AWS_REGION
  value: {{ . }}
{{- end }}
{{- with .endpoint }}
- name: AWS_ENDPOINT_URL_S3
  value: {{ . }}
{{- end }}
{{- if .hasCredentials }}
- name: AWS_ACCESS_KEY_ID
  valueFrom:
    secretKeyRef:
      name: {{ $root.Values.secretName }}
      key: aws-access-key-id
- name: AWS_SECRET_ACCESS_KEY
  valueFrom:
    secretKeyRef:
      name: {{ $root.Values.secretName }}
      key: aws-secret-access-key
{{- end }}
{{- end }}
{{- end }}
{{- with $root.Values.tracing.endpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ . | quote }}
- name: OTEL_TRACES_SAMPLER
  value: parentbased_traceidratio
- name: OTEL_TRACES_SAMPLER_ARG
  value: {{ $root.Values.tracing.ratio | quote }}
- name: OTEL_RESOURCE_ATTRIBUTES
  value: k8s.namespace.name={{ $root.Release.Namespace }},tessera.stack={{ include "tessera.stack" $root }}
{{- end }}
{{- range $name := keys $settings | sortAlpha }}
- name: {{ $name }}
  value: {{ get $settings $name | toString | quote }}
{{- end }}
{{- end }}

{{/* Volumes of a service: secrets as files, a folder for scratch, the store. (dict "root" $ "keys" (list ...) "store" true) */}}
{{- define "tessera.volumes" -}}
- name: tmp
  emptyDir: {}
{{- if .keys }}
- name: secrets
  secret:
    secretName: {{ .root.Values.secretName }}
    defaultMode: 0440
    items:
      {{- range .keys }}
      - key: {{ . }}
        path: {{ . }}
      {{- end }}
{{- end }}
{{- if .store }}
- name: store
  {{- if .root.Values.store.s3.url }}
  # Uploads on their way to the bucket.
  emptyDir: {}
  {{- else }}
  persistentVolumeClaim:
    claimName: {{ .root.Values.store.existingClaim | default (printf "%s-store" (include "tessera.fullname" .root)) }}
  {{- end }}
{{- end }}
{{- end }}

{{- define "tessera.mounts" -}}
- name: tmp
  mountPath: /tmp
{{- if .keys }}
- name: secrets
  mountPath: /run/secrets/tessera
  readOnly: true
{{- end }}
{{- if .store }}
- name: store
  mountPath: /var/lib/tessera
{{- end }}
{{- end }}

{{/* Keys of the Secret that a service mounts: the database's password, certificates, and `more`. As JSON: {"keys": [...]}. */}}
{{- define "tessera.keys" -}}
{{- $keys := .more | default list -}}
{{- if .root.Values.caCertificates }}{{ $keys = append $keys "ca.pem" }}{{ end -}}
{{- if include "tessera.hasDatabasePassword" .root }}{{ $keys = prepend $keys "postgres-password" }}{{ end -}}
{{ dict "keys" $keys | toJson }}
{{- end }}

{{/* Seconds that a pod may take to stop: longer than draining, grace and the 10 s of closing. */}}
{{- define "tessera.stopSeconds" -}}
{{ add (ceil (divf (add (.drainMs | default 0 | int) (.graceMs | int)) 1000)) 15 }}
{{- end }}

{{- define "tessera.placement" -}}
{{- with .nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}
