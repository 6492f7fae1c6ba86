#!/bin/sh
# Makes media/demo.mp4, the clip that `npm start` publishes as live/demo. See README.md beside this file.
#
#   sh media/make-demo.sh [OUTPUT]
#
# Needs (Debian 12): apt-get install ffmpeg fonts-dejavu-core fonts-dejavu-extra
# Takes about five minutes. The same ffmpeg gives the same file: no clock, no randomness, a fixed number of threads.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
output=${1:-"$here/demo.mp4"}
fonts=${FONTS:-/usr/share/fonts/truetype/dejavu}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM

for font in DejaVuSans.ttf DejaVuSans-Bold.ttf DejaVuSans-ExtraLight.ttf; do
  [ -f "$fonts/$font" ] || { echo "make-demo.sh: $fonts/$font is missing (fonts-dejavu-core, fonts-dejavu-extra)" >&2; exit 1; }
done

# 32 s, because that is 960 frames of 1/30 s and also 1500 AAC frames of 1024 samples at 48 kHz: the loop closes on a
# frame of both tracks. (30 s would be 1406.25 AAC frames.)
seconds=32
frames=960

# --- Sound -----------------------------------------------------------------------------------------------------------
# A struck note on each second, a phrase of eight, each note ringing on into the next. Every term has the period of the
# phrase, so the sound at 32 s is the sound at 0 s.
voice() { # $1 = share of this channel, of 0 and 1, for odd notes
  k=0
  sum=0
  for hertz in 587.33 440 493.88 659.26 587.33 493.88 440 369.99; do
    x="mod(t-$k+8,8)"
    gain=$(if [ $((k % 2)) -eq 0 ]; then echo "$1"; else echo "$2"; fi)
    sum="$sum+$gain*(1-exp(-300*$x))*(exp(-3.2*$x)*sin(2*PI*$hertz*$x)+0.30*exp(-6*$x)*sin(4*PI*$hertz*$x)+0.12*exp(-14*$x)*sin(8.02*PI*$hertz*$x))"
    k=$((k + 1))
  done
  echo "0.17*($sum)"
}

# Encoded three times round and cut from the middle: the first packet of the cut continues the last one, and no
# priming silence and no edit list stand at the seam.
ffmpeg -hide_banner -loglevel error -y -f lavfi \
  -i "aevalsrc=exprs='$(voice 1 0.6)|$(voice 0.6 1)':s=48000:d=$((seconds * 3))" \
  -c:a aac -b:a 96k -fflags +bitexact -flags:a +bitexact "$work/three-rounds.m4a"
ffmpeg -hide_banner -loglevel error -y -ss $seconds -i "$work/three-rounds.m4a" -frames:a 1500 -c copy -f adts "$work/round.aac"

# --- Picture ---------------------------------------------------------------------------------------------------------
# Everything is a function of the frame number n (0 to 959) with a whole number of turns in 960 frames.
printf '%s' '%{eif:floor(n/1800):d:2}:%{eif:mod(floor(n/30),60):d:2}:%{eif:mod(n,30):d:2}' > "$work/timecode.txt"
printf '%s' '%{eif:n:d:4}' > "$work/frame.txt"
printf '%s' '%{eif:floor(n/30):d:2}' > "$work/second.txt"
printf '%s' 'StreamFront' > "$work/name.txt"
printf '%s' 'from origin to edge to you' > "$work/line.txt"
printf '%s' 'MIN : SEC : FRAME' > "$work/timecode-label.txt"
printf '%s' 'FRAME' > "$work/frame-label.txt"
printf '%s' 'SECOND' > "$work/second-label.txt"

# A glow: a Gaussian around a centre that wanders on a closed curve. $1 turns, $2 phase, $3 x, $4 y, $5 width
glow() {
  echo "exp(-(pow((X/W-($3+0.16*sin(2*PI*($1*N/$frames+$2)))),2)*2.2+pow((Y/H-($4+0.20*cos(2*PI*($1*N/$frames+$2)))),2))/$5)"
}
violet=$(glow 1 0.00 0.16 0.10 0.10)
teal=$(glow 2 0.35 0.88 0.85 0.12)
rose=$(glow 1 0.60 0.62 0.15 0.05)
blue=$(glow 2 0.80 0.35 0.95 0.09)

# The dial, 400 x 400 around (200,200): turn of a pixel in 0..1 clockwise from the top, distance from the centre.
turn="mod(atan2(X-200,200-Y)/(2*PI)+1,1)"
distance="hypot(X-200,Y-200)"
behind="mod(N/$frames-$turn+1,1)"
ring="clip(4.5-abs($distance-168),0,1)"
comet="$ring*(0.13+0.87*exp(-5*$behind))"
head="clip(11-hypot(X-200-168*sin(2*PI*N/$frames),Y-200+168*cos(2*PI*N/$frames)),0,1)"
ticks="0.5*clip(1.6-abs(mod($turn*32+0.5,1)-0.5)*2*PI*186/32,0,1)*between($distance,181,189)"
pulse="0.34*exp(-5*mod(N,30)/30)*clip(150-$distance,0,1)*(0.12+0.88*pow($distance/150,5))"

# The counter's sixteen cells, one pixel each, made big without smoothing: white, black, ten bits of the frame number
# from the highest, four check bits (the three nibbles of the number and 1010, exclusive or).
check="mod(mod(floor(N/pow(2,15-X)),2)+mod(floor(N/pow(2,19-X)),2)+mod(floor(N/pow(2,23-X)),2)+mod(X+1,2),2)"
cell="if(eq(X,0),1,if(eq(X,1),0,if(lt(X,12),mod(floor(N/pow(2,11-X)),2),$check)))"
# A square with round corners inside each 64 x 64 place. $1 half side, $2 radius
square() {
  echo "clip($2+0.5-hypot(max(abs(mod(X,64)-31.5)-$1+$2,0),max(abs(mod(Y,64)-31.5)-$1+$2,0)),0,1)"
}

cat > "$work/graph.txt" <<GRAPH
nullsrc=s=160x90:r=30:d=$seconds,format=gbrp14,geq=
r='16383*min(1,0.030+0.36*$violet+0.02*$teal+0.42*$rose+0.05*$blue)':
g='16383*min(1,0.042+0.14*$violet+0.46*$teal+0.10*$rose+0.20*$blue)':
b='16383*min(1,0.090+0.62*$violet+0.42*$teal+0.30*$rose+0.55*$blue)',
scale=1280:720:flags=bicubic:out_color_matrix=bt709:out_range=tv:sws_dither=none,format=yuv420p,setsar=1[sky];

nullsrc=s=400x400:r=30:d=$seconds,format=yuva444p,geq=lum=235:cb=128:cr=128:
a='255*min(1,max(max($comet,$head),max($ticks,$pulse)))'[dial];

nullsrc=s=16x1:r=30:d=$seconds,format=gray,geq=lum='255*($cell)',scale=1024:64:flags=neighbor,format=yuva444p[bits];
nullsrc=s=1024x64:r=30:d=0.03,format=gray,geq=lum='255*$(square 26 7)',loop=-1:1,trim=duration=$seconds[mask];
[bits][mask]alphamerge[cells];
nullsrc=s=1024x64:r=30:d=0.03,format=yuva444p,geq=lum=235:cb=128:cr=128:a='70*$(square 29 10)',loop=-1:1,trim=duration=$seconds[frame];

[sky][dial]overlay=x=760:y=96:format=yuv420:shortest=1[a];
[a][frame]overlay=x=128:y=600:format=yuv420:shortest=1[b];
[b][cells]overlay=x=128:y=600:format=yuv420:shortest=1,
drawtext=fontfile=$fonts/DejaVuSans-Bold.ttf:textfile=$work/name.txt:fontsize=76:fontcolor=white:x=128:y=112,
drawtext=fontfile=$fonts/DejaVuSans.ttf:textfile=$work/line.txt:fontsize=28:fontcolor=white@0.78:x=132:y=208,
drawtext=fontfile=$fonts/DejaVuSans-ExtraLight.ttf:textfile=$work/timecode.txt:fontsize=104:fontcolor=white:x=124:y=330,
drawtext=fontfile=$fonts/DejaVuSans.ttf:textfile=$work/timecode-label.txt:fontsize=20:fontcolor=white@0.66:x=132:y=446,
drawtext=fontfile=$fonts/DejaVuSans-ExtraLight.ttf:textfile=$work/second.txt:fontsize=150:fontcolor=white:x=960-text_w/2:y=218,
drawtext=fontfile=$fonts/DejaVuSans.ttf:textfile=$work/second-label.txt:fontsize=20:fontcolor=white@0.66:x=960-text_w/2:y=362,
drawtext=fontfile=$fonts/DejaVuSans.ttf:textfile=$work/frame-label.txt:fontsize=20:fontcolor=white@0.66:x=132:y=548,
drawtext=fontfile=$fonts/DejaVuSans-Bold.ttf:textfile=$work/frame.txt:fontsize=32:fontcolor=white:x=216:y=540,
format=yuv420p[picture]
GRAPH
tr -d '\n' < "$work/graph.txt" > "$work/graph-line.txt"

ffmpeg -hide_banner -loglevel error -y -filter_complex_script "$work/graph-line.txt" -map '[picture]' \
  -c:v libx264 -preset ultrafast -qp 0 -pix_fmt yuv420p "$work/picture.mp4"

# Two passes, so that the keyframes of the quiet dark picture get their share. B-frames, so that composition offsets are
# not all zero; closed GOPs of exactly 2 s, whatever the picture does.
for pass in 1 2; do
  ffmpeg -hide_banner -loglevel error -y -i "$work/picture.mp4" -i "$work/round.aac" -map 0:v -map 1:a \
    -c:v libx264 -profile:v high -level:v 3.1 -preset slower -threads 4 -pix_fmt yuv420p \
    -b:v 840k -maxrate 3000k -bufsize 3000k -pass $pass -passlogfile "$work/pass" \
    -aq-mode 3 -aq-strength 1.2 -g 60 -keyint_min 60 -sc_threshold 0 -bf 2 -flags:v +cgop+bitexact \
    -color_primaries bt709 -color_trc bt709 -colorspace bt709 -color_range tv \
    -c:a copy -bsf:a aac_adtstoasc \
    -map_metadata -1 -fflags +bitexact -movflags +faststart -f mp4 "$work/demo.mp4"
done
mv "$work/demo.mp4" "$output"

ls -l "$output"
