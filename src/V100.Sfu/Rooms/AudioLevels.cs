using System.Diagnostics;

namespace V100.Sfu.Rooms;

/// <summary>
/// The loudness of a track's last packets (RFC 6464), in one word: the thread that receives the track writes it with each packet, and any
/// thread that looks at it every tenth of a second misses none of usual length.
/// </summary>
/// <remarks>The low 48 bits are the last <see cref="Depth"/> levels, the newest lowest; the high 16 count the packets.</remarks>
public sealed class AudioLevels
{
    /// <summary>Packets that the word remembers: 120 ms of 20 ms each.</summary>
    public const int Depth = 6;

    /// <summary>Of the levels that <see cref="Read"/> gives: set where the sender's detector heard a voice.</summary>
    public const byte VoiceBit = 0x80;

    private const ulong Levels = (1UL << 48) - 1;
    private ulong _word;

    /// <summary>A packet came. One thread calls this.</summary>
    /// <param name="extension">The value of its header extension: the voice flag, and the level in −dBov.</param>
    public void Record(byte extension)
    {
        ulong word = Volatile.Read(ref _word);
        ulong count = (word >> 48) + 1;

        // Turned around, 127 is the loudest. The count passes over 0, which means that no packet ever came.
        byte level = (byte)(extension ^ 0x7F);
        Volatile.Write(ref _word, (count > ushort.MaxValue ? 1 : count) << 48 | (word << 8 & Levels) | level);
    }

    /// <summary>What came since the last reading, the oldest first: 0 (silence) to 127, and <see cref="VoiceBit"/>.</summary>
    /// <param name="lastCount">0 before the first reading; updated.</param>
    /// <param name="levels">Room for <see cref="Depth"/>.</param>
    /// <returns>How many levels; of more than <see cref="Depth"/> the last.</returns>
    public int Read(ref ushort lastCount, Span<byte> levels)
    {
        Debug.Assert(levels.Length >= Depth);
        ulong word = Volatile.Read(ref _word);
        var count = (ushort)(word >> 48);
        int fresh = count - lastCount;
        fresh = fresh < 0 ? fresh + ushort.MaxValue : fresh;
        fresh = Math.Min(fresh, Depth);
        lastCount = count;
        for (int index = 0; index < fresh; index++)
        {
            levels[index] = (byte)(word >> 8 * (fresh - 1 - index));
        }

        return fresh;
    }
}
