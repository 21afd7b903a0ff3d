#!/bin/sh
# Suspends a job with a savepoint and runs its jar on from there, by Flink's REST API alone: what nutkin is compared with.
# Usage: move.sh URL JOB SAVEPOINT-DIRECTORY JAR RUN-REQUEST      (a part of the jar's name; the request without savepointPath)
set -eu
url=$1 job=$2 directory=$3 jar=$4 request=$5

post() { curl -sSf -H 'content-type: application/json' -d "$2" "$url$1"; }
get() { curl -sSf "$url$1"; }
# The last value of a field with text.
field() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }

trigger=$(post "/jobs/$job/stop" "{\"targetDirectory\":\"$directory\",\"drain\":false}" | field request-id)
until state=$(get "/jobs/$job/savepoints/$trigger") && case $state in *COMPLETED*) ;; *) false ;; esac; do
    sleep 0.02
done
place=$(printf %s "$state" | field location)
[ -n "$place" ] || { echo "no savepoint: $state" >&2; exit 1; }

id=$(get /jars | grep -o '"id":"[^"]*"' | grep "$jar" | head -n 1 | cut -d '"' -f 4)
new=$(post "/jars/$id/run" "{\"savepointPath\":\"$place\",${request#?}" | field jobid)
until get "/jobs/$new/status" | grep -q RUNNING; do
    sleep 0.02
done
echo "$new"
