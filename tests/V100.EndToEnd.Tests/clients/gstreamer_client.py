#!/usr/bin/python3
"""GStreamer's webrtcbin as a WHIP publisher or WHEP player. It never pairs a loopback address: run it in a network namespace."""

import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

import signalling  # noqa: E402
from signalling import emit  # noqa: E402

VIDEO = {
    "vp8": "vp8enc deadline=1 cpu-used=8 keyframe-max-dist=90 target-bitrate=500000 error-resilient=partitions ! "
    "rtpvp8pay picture-id-mode=15-bit ! application/x-rtp,media=video,encoding-name=VP8,clock-rate=90000,payload=96",
    "h264": "openh264enc complexity=low bitrate=500000 gop-size=90 ! video/x-h264,profile=constrained-baseline ! "
    "rtph264pay config-interval=-1 aggregate-mode=zero-latency ! "
    "application/x-rtp,media=video,encoding-name=H264,clock-rate=90000,payload=96",
}
DECODERS = {"VP8": "rtpvp8depay ! vp8dec", "H264": "rtph264depay ! openh264dec", "OPUS": "rtpopusdepay ! opusdec"}
AUDIO = "opusenc ! rtpopuspay ! application/x-rtp,media=audio,encoding-name=OPUS,clock-rate=48000,payload=97"


class Client:
    def __init__(self, options):
        self.options = options
        self.loop = GLib.MainLoop()
        self.session = signalling.Session(options.url, options.token)
        self.picture = signalling.Picture()
        self.size = (0, 0)
        self.energy = 0.0
        self.joined = False
        self.failed = False
        self.pipeline = self.build()
        self.webrtc = self.pipeline.get_by_name("webrtc")
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message", self.on_message)
        if options.role == "play":
            self.webrtc.connect("pad-added", self.on_pad)
            for caps in (
                "application/x-rtp,media=video,encoding-name=%s,clock-rate=90000,payload=96" % options.codec.upper(),
                "application/x-rtp,media=audio,encoding-name=OPUS,clock-rate=48000,payload=97,encoding-params=(string)2",
            ):
                self.webrtc.emit(
                    "add-transceiver", GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY, Gst.Caps.from_string(caps))
        self.webrtc.connect("notify::connection-state", lambda *_: GLib.idle_add(self.on_state))

    def build(self):
        if self.options.role == "play":
            pipeline = Gst.Pipeline.new("player")
            webrtc = Gst.ElementFactory.make("webrtcbin", "webrtc")
            webrtc.set_property("bundle-policy", GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE)
            pipeline.add(webrtc)
            return pipeline
        o = self.options
        return Gst.parse_launch(
            "webrtcbin name=webrtc bundle-policy=max-bundle "
            f"videotestsrc is-live=true pattern=ball ! video/x-raw,width={o.width},height={o.height},framerate={o.fps}/1 ! "
            f"videoconvert ! queue ! {VIDEO[o.codec]} ! webrtc. "
            f"audiotestsrc is-live=true wave=sine freq=440 volume=0.4 ! audioconvert ! audioresample ! queue ! {AUDIO} ! webrtc.")

    def run(self):
        self.pipeline.set_state(Gst.State.PLAYING)
        emit("started", version=Gst.version_string())
        GLib.idle_add(self.offer)
        GLib.timeout_add(500, self.report)
        signalling.on_stop(lambda: GLib.idle_add(self.stop))
        self.loop.run()
        self.pipeline.set_state(Gst.State.NULL)
        return 1 if self.failed else 0

    def offer(self):
        promise = Gst.Promise.new_with_change_func(self.on_offer)
        self.webrtc.emit("create-offer", None, promise)

    def on_offer(self, promise):
        # The description lives as long as the reply does.
        reply = promise.get_reply()
        offer = reply.get_value("offer")
        text = offer.sdp.as_text()
        local = Gst.Promise.new()
        self.webrtc.emit("set-local-description", offer, local)
        # The thread that calls back here is webrtcbin's own: no waiting on it, and HTTP on another.
        threading.Thread(target=self.exchange, args=[text], daemon=True).start()

    def exchange(self, offer):
        try:
            answer = self.session.post(offer)
        except Exception as error:
            GLib.idle_add(self.fail, repr(error))
            return
        GLib.idle_add(self.accept, answer)

    def accept(self, answer):
        _, message = GstSdp.SDPMessage.new_from_text(answer)
        description = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, message)
        self.webrtc.emit("set-remote-description", description, Gst.Promise.new())

    def on_state(self):
        state = self.webrtc.get_property("connection-state")
        if state == GstWebRTC.WebRTCPeerConnectionState.CONNECTED and self.options.role == "publish":
            self.on_joined()
        elif state == GstWebRTC.WebRTCPeerConnectionState.FAILED:
            self.fail("connection failed")

    def on_joined(self):
        if not self.joined:
            self.joined = True
            emit("joined", ms=self.session.elapsed_ms(), session=self.session.path())

    def on_pad(self, _, pad):
        if pad.get_direction() != Gst.PadDirection.SRC:
            return
        caps = pad.get_current_caps().get_structure(0)
        video = caps.get_string("media") == "video"
        decoder = DECODERS[caps.get_string("encoding-name").upper()]
        chain = (
            f"queue ! {decoder} ! videoconvert ! video/x-raw,format=I420 ! appsink name=sink emit-signals=true sync=false max-buffers=4 drop=true"
            if video else
            f"queue ! {decoder} ! audioconvert ! audio/x-raw,format=F32LE,channels=1 ! appsink name=sink emit-signals=true sync=false")
        branch = Gst.parse_bin_from_description(chain, True)
        branch.get_by_name("sink").connect("new-sample", self.on_video if video else self.on_audio)
        self.pipeline.add(branch)
        branch.sync_state_with_parent()
        pad.link(branch.get_static_pad("sink"))

    def on_video(self, sink):
        sample = sink.emit("pull-sample")
        caps = sample.get_caps().get_structure(0)
        self.size = (caps.get_value("width"), caps.get_value("height"))
        ok, view = sample.get_buffer().map(Gst.MapFlags.READ)
        if ok:
            self.picture.add(bytes(view.data[: self.size[0] * self.size[1]]))
            sample.get_buffer().unmap(view)
        GLib.idle_add(self.on_joined)
        return Gst.FlowReturn.OK

    def on_audio(self, sink):
        buffer = sink.emit("pull-sample").get_buffer()
        ok, view = buffer.map(Gst.MapFlags.READ)
        if ok:
            samples = memoryview(bytes(view.data)).cast("f")
            self.energy += sum(s * s for s in samples) / 48000
            buffer.unmap(view)
        return Gst.FlowReturn.OK

    def report(self):
        if self.joined:
            promise = Gst.Promise.new()
            self.webrtc.emit("get-stats", None, promise)
            promise.wait()
            emit("stats", framesDecoded=self.picture.frames, audioEnergy=self.energy, width=self.size[0], height=self.size[1],
                 **counters(promise.get_reply()))
            if self.options.role == "play":
                emit("picture", **self.picture.fields())
        return True

    def on_message(self, _, message):
        if message.type == Gst.MessageType.ERROR:
            error, detail = message.parse_error()
            self.fail(f"{error}: {detail}")

    def fail(self, message):
        emit("error", message=message)
        self.failed = True
        self.loop.quit()

    def stop(self):
        if self.session.location:
            emit("left", status=self.session.delete())
        self.loop.quit()


def counters(reply):
    """The byte and loss counters of webrtcbin's own statistics."""
    fields = {"bytesSent": 0, "bytesReceived": 0, "packetsLost": 0, "remoteReports": 0}

    def add(_, value):
        kind = value.get_value("type")
        if kind == GstWebRTC.WebRTCStatsType.INBOUND_RTP:
            fields["bytesReceived"] += value.get_value("bytes-received") or 0
            fields["packetsLost"] += value.get_value("packets-lost") or 0
        elif kind == GstWebRTC.WebRTCStatsType.OUTBOUND_RTP:
            fields["bytesSent"] += value.get_value("bytes-sent") or 0
        elif kind == GstWebRTC.WebRTCStatsType.REMOTE_INBOUND_RTP:
            fields["remoteReports"] += 1
        return True

    def each(_, value):
        if isinstance(value, Gst.Structure):
            add(None, value)
        return True

    reply.foreach(each)
    return fields


Gst.init(None)
raise SystemExit(Client(signalling.arguments(__doc__)).run())
