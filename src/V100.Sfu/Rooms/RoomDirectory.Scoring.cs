using V100.Net;
using V100.Sfu.Quality;

namespace V100.Sfu.Rooms;

/// <summary>How what is published and played comes through: every connected session is looked at once a second, a tenth of them at a time, so that nobody waits for long.</summary>
public sealed partial class RoomDirectory
{
    private const int ScoringTurns = 10;
    private static readonly TimeSpan ScoringInterval = TimeSpan.FromSeconds(1.0 / ScoringTurns);

    private readonly List<Session>[] _scored = [.. NewTurns()];
    private int _scoredCount;
    private int _scoringTurn;
    private Instant _nextScoring = Instant.Never;

    /// <summary>Beacons come in with what their client says of the session.</summary>
    public static void HandleBeacon(Session session, in ClientBeacon beacon, Instant now) => session.Quality?.Take(in beacon, now);

    private void BeginScoring(Session session, Instant now)
    {
        session.Quality = new SessionQuality(session);
        int turn = 0;
        for (int other = 1; other < ScoringTurns; other++)
        {
            turn = _scored[other].Count < _scored[turn].Count ? other : turn;
        }

        session.Quality.Place = (turn, _scored[turn].Count);
        _scored[turn].Add(session);
        if (_scoredCount++ == 0)
        {
            _nextScoring = now + ScoringInterval;
        }
    }

    private void EndScoring(Session session)
    {
        if (session.Quality is not { } quality)
        {
            return;
        }

        List<Session> turn = _scored[quality.Place.Turn];
        Session last = turn[^1];
        turn[quality.Place.Place] = last;
        last.Quality!.Place = quality.Place;
        turn.RemoveAt(turn.Count - 1);
        _nextScoring = --_scoredCount == 0 ? Instant.Never : _nextScoring;
    }

    private void Score(Instant now)
    {
        _nextScoring = now + ScoringInterval;
        _scoringTurn = (_scoringTurn + 1) % ScoringTurns;
        foreach (Session session in _scored[_scoringTurn])
        {
            session.Quality!.Update(now);
            Participant participant = session.Participant;
            if (participant.Score is { } score && participant.ToldQuality.Crosses(score))
            {
                participant.Room.Tick?.ParticipantQuality(participant.Identity, score);
            }
        }
    }

    private static void TellScores(RoomTick tick, Participant participant)
    {
        if (participant.ToldQuality.Told > 0)
        {
            tick.ParticipantQuality(participant.Identity, participant.ToldQuality.Told);
        }

        foreach (Session session in participant.Sessions)
        {
            session.Quality?.TellAll(tick);
        }
    }

    private static IEnumerable<List<Session>> NewTurns()
    {
        for (int turn = 0; turn < ScoringTurns; turn++)
        {
            yield return [];
        }
    }
}
