using V100.Net;
using V100.Sfu.Peers;
using V100.Sfu.Rtp;
using V100.Sfu.Sdp;

namespace V100.Sfu.Forwarding;

/// <summary>Sound: each subscriber gets Opus with or without redundancy, whatever the publisher sends; what must be made of it is made once.</summary>
internal sealed partial class TrackFanout
{
    private AudioForms? _forms;

    private void ForwardSound(in MediaPacket packet, in RtpReader rtp, Instant now)
    {
        CodecKind published = packet.Codec.Kind;
        if (packet.IsPaddingOnly || !IsOtherFormWanted(published))
        {
            SkipForms(in packet, in rtp);
            ForwardAs(published, published, in packet, in rtp, now);
            return;
        }

        AudioForms forms = _forms ?? BeginFormsSlow();
        if (published == CodecKind.Red)
        {
            ForwardStripped(forms, in packet, in rtp, now);
        }
        else
        {
            SkipForms(in packet, in rtp);
            ForwardWrapped(forms, in packet, in rtp, now);
        }

        ForwardAs(published, published, in packet, in rtp, now);
    }

    private bool IsOtherFormWanted(CodecKind published)
    {
        foreach (Subscription subscription in _subscriptions)
        {
            if (subscription.FormOf(published) != published)
            {
                return true;
            }
        }

        return false;
    }

    private void SkipForms(in MediaPacket packet, in RtpReader rtp)
    {
        if (packet.IsPaddingOnly || packet.Codec.Kind != CodecKind.Red)
        {
            _forms?.Note(in packet, in rtp);
        }
        else
        {
            _forms?.Pause();
        }
    }

    private AudioForms BeginFormsSlow()
    {
        _encodings = [_encodings[0], new FanoutEncoding(MediaKind.Audio, AudioCachePackets, CacheAge)];
        return _forms = new AudioForms();
    }

    private void ForwardStripped(AudioForms forms, in MediaPacket packet, in RtpReader rtp, Instant now)
    {
        int count = forms.Strip(in packet, in rtp);
        bool hasOwn = false;
        for (int frame = 0; frame < count; frame++)
        {
            bool isRecovered = forms.IsRecovered(frame);
            hasOwn |= !isRecovered;
            _shard.Counters.Add(SfuCounter.AudioFramesRecovered, isRecovered ? 1 : 0);
            if (forms.TryMake(_shard.Pool, in packet, in rtp, frame, out MediaPacket plain))
            {
                ForwardMade(in plain, CodecKind.Red, isRecovered, now);
            }
            else if (!isRecovered)
            {
                CountFor(CodecKind.Red, SfuCounter.DroppedNoBuffer);
            }
        }

        if (hasOwn)
        {
            return;
        }

        foreach (Subscription subscription in _subscriptions)
        {
            if (subscription.FormOf(CodecKind.Red) != CodecKind.Red)
            {
                subscription.DropFormless(in packet, in rtp, now);
            }
        }
    }

    private void ForwardWrapped(AudioForms forms, in MediaPacket packet, in RtpReader rtp, Instant now)
    {
        if (forms.TryWrap(_shard.Pool, in packet, in rtp, out MediaPacket redundant))
        {
            ForwardMade(in redundant, CodecKind.Opus, isRecovered: false, now);
        }
        else
        {
            ForwardAs(CodecKind.Opus, CodecKind.Red, in packet, in rtp, now); // Who takes redundant Opus takes Opus.
        }
    }

    private void ForwardMade(in MediaPacket made, CodecKind published, bool isRecovered, Instant now)
    {
        _encodings[AudioForms.Encoding].Add(in made, now);
        bool isReadable = RtpReader.TryParse(made.Buffer.Bytes, out RtpReader rtp);
        foreach (Subscription subscription in isReadable ? _subscriptions : [])
        {
            if (subscription.FormOf(published) == made.Codec.Kind)
            {
                subscription.ForwardForm(in made, in rtp, isRecovered, now);
            }
        }

        made.Buffer.Release();
    }

    /// <summary>The packet as it is to those who want the publisher's codec in this form.</summary>
    private void ForwardAs(CodecKind published, CodecKind form, in MediaPacket packet, in RtpReader rtp, Instant now)
    {
        foreach (Subscription subscription in _subscriptions)
        {
            if (packet.IsPaddingOnly || subscription.FormOf(published) == form)
            {
                subscription.Forward(in packet, in rtp, now);
            }
        }
    }

    private void CountFor(CodecKind published, SfuCounter counter)
    {
        foreach (Subscription subscription in _subscriptions)
        {
            _shard.Counters.Add(counter, subscription.FormOf(published) != published ? 1 : 0);
        }
    }
}
