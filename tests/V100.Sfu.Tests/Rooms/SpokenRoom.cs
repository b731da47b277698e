using V100.Net;
using V100.Sfu.Forwarding;
using V100.Sfu.Rooms;

namespace V100.Sfu.Tests.Rooms;

/// <summary>A room in virtual time: who talks makes words with gaps between them, the others make noise, or nothing (DTX).</summary>
internal sealed class SpokenRoom
{
    private const int PacketMs = 20;

    private readonly List<(AudioLevels Levels, Speaker Speaker)> _members = [];
    private readonly Random _random;
    private long _nowMs;

    public SpokenRoom(Random random, int members, int listLength = 3, int slots = 0)
    {
        _random = random;
        Speakers = new ActiveSpeakers(members, listLength);
        Selector = new LoudestSelector(slots);
        for (int index = 0; index < members; index++)
        {
            var levels = new AudioLevels();
            _members.Add((levels, Speakers.TryAdd(new TrackId(index), levels, Now)!));
        }
    }

    public ActiveSpeakers Speakers { get; }
    public LoudestSelector Selector { get; }
    public Instant Now => new(_nowMs * 1_000_000);
    public long NowMs => _nowMs;
    public Speaker this[int index] => _members[index].Speaker;
    public bool Dtx { get; set; }

    /// <summary>Level of speech, 0 to 127.</summary>
    public int SpeechLevel { get; set; } = 90;

    /// <summary>Members that no packet comes from any more.</summary>
    public HashSet<int> Muted { get; } = [];

    public int DominantChanges { get; private set; }

    /// <summary>Lets time pass; <paramref name="look"/> after each update, with whether each was within a word.</summary>
    public void Run(int milliseconds, int[] talking, Action<bool[]>? look = null)
    {
        var inWord = new bool[_members.Count];
        for (int passed = 0; passed < milliseconds; passed += PacketMs)
        {
            _nowMs += PacketMs;
            for (int index = 0; index < _members.Count; index++)
            {
                // Words of 400 ms, gaps of 100 ms, not in step with each other.
                inWord[index] = talking.Contains(index) && (_nowMs + index * 170) % 500 < 400;
                int level = inWord[index] ? SpeechLevel + _random.Next(-8, 9) : 25 + _random.Next(8);
                bool sends = !Muted.Contains(index) && (!Dtx || inWord[index] || _nowMs % 400 == 0);
                if (sends)
                {
                    _members[index].Levels.Record((byte)(127 - level | (inWord[index] ? 0x80 : 0)));
                }
            }

            DominantChanges += (Speakers.Update(Now) & SpeakerChanges.Dominant) != 0 ? 1 : 0;
            Selector.Update(Speakers, Now);
            look?.Invoke(inWord);
        }
    }

    public void Record(int member, int level) => _members[member].Levels.Record((byte)(127 - level));
}
