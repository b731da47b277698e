#!/usr/bin/python3
"""aiortc as a WHIP publisher or WHEP player."""

import asyncio
import fractions
import math
import os

import av
import numpy
from aiortc import RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError, VideoStreamTrack

import signalling
from signalling import emit

SAMPLE_RATE_HZ = 48000


class MovingBar(VideoStreamTrack):
    """A bright bar that walks over a grey field."""

    def __init__(self, width, height, fps):
        super().__init__()
        self.width, self.height, self.fps, self.count = width, height, fps, 0

    async def recv(self):
        pts = self.count * 90000 // self.fps
        await pace(self, pts / 90000)
        luma = numpy.full((self.height, self.width), 80, dtype=numpy.uint8)
        left = self.count * 8 % (self.width - 40)
        luma[:, left : left + 40] = 230
        rgb = numpy.stack([luma, luma, luma], axis=2)
        frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format="yuv420p")
        frame.pts, frame.time_base = pts, fractions.Fraction(1, 90000)
        self.count += 1
        return frame


class Tone(AudioStreamTrack):
    """A 440 Hz tone in frames of 20 ms."""

    def __init__(self):
        super().__init__()
        self.pts = 0

    async def recv(self):
        samples = SAMPLE_RATE_HZ // 50
        await pace(self, self.pts / SAMPLE_RATE_HZ)
        wave = numpy.sin(2 * math.pi * 440 * (self.pts + numpy.arange(samples)) / SAMPLE_RATE_HZ)
        frame = av.AudioFrame.from_ndarray((wave * 8000).astype(numpy.int16).reshape(1, -1), format="s16", layout="mono")
        frame.pts, frame.sample_rate, frame.time_base = self.pts, SAMPLE_RATE_HZ, fractions.Fraction(1, SAMPLE_RATE_HZ)
        self.pts += samples
        return frame


async def pace(track, at_seconds):
    loop = asyncio.get_running_loop()
    if not hasattr(track, "started"):
        track.started = loop.time()
    await asyncio.sleep(max(0, track.started + at_seconds - loop.time()))


class Player:
    """Decodes everything and keeps count."""

    def __init__(self):
        self.picture = signalling.Picture()
        self.energy = 0.0
        self.size = (0, 0)
        self.first = asyncio.Event()

    async def consume(self, track):
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            if track.kind == "video":
                plane = frame.planes[0]
                self.picture.add(bytes(plane))
                self.size = (frame.width, frame.height)
                self.first.set()
            else:
                samples = frame.to_ndarray().astype(numpy.float64) / 32768
                self.energy += float((samples**2).mean()) * samples.size / 2 / SAMPLE_RATE_HZ


async def connected(pc):
    done = asyncio.Event()

    @pc.on("connectionstatechange")
    def changed():
        if pc.connectionState == "connected":
            done.set()

    changed()
    await done.wait()


async def stats(pc, player):
    fields = {"state": pc.connectionState, "framesDecoded": player.picture.frames, "audioEnergy": player.energy}
    fields["width"], fields["height"] = player.size
    fields["bytesSent"] = fields["bytesReceived"] = fields["packetsLost"] = 0
    for report in (await pc.getStats()).values():
        if report.type == "transport":
            fields["bytesSent"] += report.bytesSent
            fields["bytesReceived"] += report.bytesReceived
        elif report.type == "inbound-rtp" and report.kind == "video":
            fields["packetsLost"] += report.packetsLost
        elif report.type == "remote-inbound-rtp":
            fields["remoteReports"] = fields.get("remoteReports", 0) + 1
    return fields


async def main():
    options = signalling.arguments(__doc__)
    pc = RTCPeerConnection()
    player = Player()
    tasks = []
    if options.role == "publish":
        pc.addTransceiver(MovingBar(options.width, options.height, options.fps), direction="sendonly")
        pc.addTransceiver(Tone(), direction="sendonly")
        codecs = RTCRtpSender.getCapabilities("video").codecs
        pc.getTransceivers()[0].setCodecPreferences(
            [c for c in codecs if c.mimeType.lower() in (f"video/{options.codec}", "video/rtx")])
    else:
        pc.addTransceiver("video", direction="recvonly")
        pc.addTransceiver("audio", direction="recvonly")
        pc.on("track", lambda track: tasks.append(asyncio.ensure_future(player.consume(track))))
    await pc.setLocalDescription(await pc.createOffer())
    emit("started")
    loop = asyncio.get_running_loop()
    session = signalling.Session(options.url, options.token)
    answer = await loop.run_in_executor(None, session.post, pc.localDescription.sdp)
    await pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    await asyncio.wait_for(connected(pc), 30)
    if options.role == "play":
        await asyncio.wait_for(player.first.wait(), 30)
    emit("joined", ms=session.elapsed_ms(), session=session.path())
    stopped = asyncio.Event()
    signalling.on_stop(lambda: loop.call_soon_threadsafe(stopped.set))
    while not stopped.is_set():
        emit("stats", **await stats(pc, player))
        if options.role == "play":
            emit("picture", **player.picture.fields())
        await asyncio.wait([asyncio.ensure_future(stopped.wait())], timeout=0.5)
    status = await loop.run_in_executor(None, session.delete)
    emit("left", status=status)
    # Closing may wait for a peer that is already gone; the session has ended.
    await asyncio.wait([asyncio.ensure_future(pc.close())], timeout=1)
    os._exit(0)


try:
    asyncio.run(main())
except Exception as error:  # The test shows this line.
    emit("error", message=repr(error))
    os._exit(1)
