#!/bin/sh
# Gets a model into its directory once: `download.sh COMMAND…` runs the command in an empty directory (or in what an
# interrupted one left), and moves that into place when it is whole. Plain POSIX shell, so that it runs in any image.
#
# A turn is a directory, turn.N: making it is atomic on every file system, network ones too, and each number is made
# once, so that two who wait for the same silent download cannot both follow it. The highest one is in force.
#
#   MODELS            the volume             MODEL        the model's directory in it
#   IDENTITY          what is asked for: a model of another identity is downloaded anew
#   OWNER             this pod               SHARED       true where other pods write to the volume
#   POLL, PATIENCE    seconds between two looks, and how many without a sign of life mean that a download is dead
#   LIMIT             how many looks a download may take
set -u
umask 002

models=${MODELS:?} model=${MODEL:?} identity=${IDENTITY:?} owner=${OWNER:?}
shared=${SHARED:-true} poll=${POLL:-5} patience=${PATIENCE:-24} limit=${LIMIT:-720}
directory=$models/$model
state=$models/.download/$(printf %s "$model" | tr / +)
turn=0 child='' pulse=''
# Tools that download keep what is on its way in a cache, which may be as large as the model; `/tmp` is small.
export XDG_CACHE_HOME="${XDG_CACHE_HOME:-$state/cache}"

say() { printf '%s\n' "model $model: $*"; }

read_file() { cat "$1" 2>/dev/null || true; }

is_whole() { [ -f "$1/.complete" ] && [ "$(read_file "$1/.complete")" = "$identity" ]; }

# Sets `highest` to the number of the turn in force.
look() {
    highest=0
    for each in "$state"/turn.*; do
        number=${each##*.}
        [ -d "$each" ] && [ "$number" -gt "$highest" ] && highest=$number
    done
    return 0
}

# Why the turn in force may be followed by ours, or nothing.
may_follow() {
    [ "$highest" -eq 0 ] && echo free && return
    [ -f "$state/turn.$highest/over" ] && echo over && return
    [ "$(read_file "$state/turn.$highest/owner")" = "$owner" ] && echo own && return
    [ "$shared" = false ] && echo alone && return
    [ "$still" -ge "$patience" ] && echo silent
    return 0
}

# Waits for the turn. What a dead one left is gone on with, unless it is only silent and may still be writing, or was
# after something else.
take_turn() {
    mkdir -p "$state" || exit 1
    seen='' still=0 told=''
    while ! is_whole "$directory"; do
        look
        beat=$(read_file "$state/turn.$highest/beat")
        if [ "$highest.$beat" = "$seen" ]; then still=$((still + 1)); else seen=$highest.$beat still=0; fi
        why=$(may_follow)
        if [ -n "$why" ] && mkdir "$state/turn.$((highest + 1))" 2>/dev/null; then
            turn=$((highest + 1))
            printf '%s' "$owner" >"$state/turn.$turn/owner"
            printf '%s' "$identity" >"$state/turn.$turn/identity"
            look
            [ "$highest" -eq "$turn" ] || { rm -rf "$state/turn.$turn"; turn=0; continue; }
            inherit $((turn - 1)) "$why"
            return 0
        fi
        [ -z "$why" ] && [ -z "$told" ] && say "waiting for the download of $(read_file "$state/turn.$highest/owner")" && told=yes
        sleep "$poll"
    done
    return 0
}

inherit() {
    partial=$state/partial.$turn
    [ "$2" = silent ] && say "the download before has been silent for too long: beginning anew"
    if [ "$2" != silent ] && [ "$(read_file "$state/turn.$1/identity")" = "$identity" ]; then
        [ -d "$state/partial.$1" ] && mv "$state/partial.$1" "$partial"
    fi
    mkdir -p "$partial"
    for each in "$state"/partial.* "$state"/replaced.* "$state"/turn.*; do
        [ "${each##*.}" -lt "$turn" ] 2>/dev/null && rm -rf "$each" 2>/dev/null
    done
    return 0
}

in_force() { look; [ "$highest" -eq "$turn" ]; }

give_turn_back() { [ "$turn" -gt 0 ] && in_force && : >"$state/turn.$turn/over"; return 0; }

# Shows that we live, and stops the command when its time is over or another pod has taken the turn. It ends by itself
# when the command has: a signal that comes before a shell is wholly forked is lost.
beat_for() {
    count=0
    while kill -0 "$1" 2>/dev/null && [ "$count" -lt "$limit" ] && in_force; do
        count=$((count + 1))
        printf '%s' "$count" >"$state/turn.$turn/beat.new" && mv "$state/turn.$turn/beat.new" "$state/turn.$turn/beat"
        sleep "$poll"
    done
    kill -TERM "$1" 2>/dev/null
}

stop() {
    [ -n "$pulse" ] && kill "$pulse" 2>/dev/null
    if [ -n "$child" ]; then
        kill -TERM "$child" 2>/dev/null
        (sleep "$poll"; kill -TERM "$child" 2>/dev/null) & # once more, for the same reason
        wait "$child" 2>/dev/null
    fi
    give_turn_back
    say "interrupted; what is there will be gone on with"
    exit 143
}

run() {
    (cd "$partial" && exec "$@") &
    child=$!
    beat_for "$child" &
    pulse=$!
    wait "$child"
    status=$?
    child=''
    kill "$pulse" 2>/dev/null
    pulse=''
    return "$status"
}

# Not the whole node's disks, which others keep busy, unless this `sync` can do nothing else.
to_disk() { find "$partial" -exec sync {} + 2>/dev/null || sync; }

# The mark is written last, when everything before it is on the disk, and the whole is moved at once.
put_in_place() {
    [ -n "$(find "$partial" -type f | head -n 1)" ] || { say "the command left no file"; return 1; }
    to_disk
    printf '%s' "$identity" >"$partial/.complete"
    to_disk
    in_force || { say "another pod has taken over"; return 1; }
    mkdir -p "${directory%/*}"
    if [ -e "$directory" ]; then mv "$directory" "$state/replaced.$turn" || return 1; fi
    if ! mv "$partial" "$directory"; then
        [ -e "$state/replaced.$turn" ] && mv "$state/replaced.$turn" "$directory"
        return 1
    fi
    rm -rf "$state/replaced.$turn" "$state/cache"
}

trap stop TERM INT
take_turn
if ! is_whole "$directory"; then
    if is_whole "$partial"; then say "already downloaded"; else
        say "downloading"
        run "$@" || { status=$?; give_turn_back; say "the download ended with $status"; exit "$status"; }
    fi
    put_in_place || { give_turn_back; exit 1; }
    say "downloaded"
else
    say "there already"
fi
give_turn_back
# When somebody last opened it, for volumes that do not keep that by themselves.
printf . >"$directory/.opened"
