using V100.Net;

namespace V100.Server.Workers;

/// <summary>
/// What a worker thread drives: it gives the protocol machines their packets, messages and time. All calls come from the worker's
/// thread. None may block or throw: an exception is a defect that ends the process.
/// </summary>
/// <remarks>
/// One turn of the loop: <see cref="HandleDatagram"/> for each packet that came, with <see cref="EndReceive"/> behind all of them and
/// whenever there is no room for more, <see cref="HandleMessages"/>, <see cref="HandleDeadline"/> when the deadline is reached, <see cref="EndTurn"/>. Then the worker sleeps until
/// <see cref="NextDeadline"/>, a packet or a wake.
/// </remarks>
internal interface IWorkerDriver
{
    /// <summary>When <see cref="HandleDeadline"/> is wanted; <see cref="Instant.Never"/> for not at all.</summary>
    Instant NextDeadline { get; }

    /// <param name="datagram">Valid during the call; its bytes may be overwritten.</param>
    /// <param name="now">One instant for all packets of a receive batch.</param>
    void HandleDatagram(in Datagram datagram, Instant now);

    /// <summary>The bytes of the datagrams since the last call are overwritten after this one: what refers to them must have been sent.</summary>
    void EndReceive(Instant now);

    /// <summary>An ICMP error came for a packet that the socket bound to <paramref name="local"/> sent.</summary>
    void HandlePathError(in TransportAddress local, in PathError error, Instant now);

    /// <summary>
    /// Once in each turn: reads a bounded number of messages from mailboxes and rings. True when more wait, so that the worker
    /// comes back without sleeping.
    /// </summary>
    bool HandleMessages(Instant now);

    void HandleDeadline(Instant now);

    /// <summary>Flushes what the turn sends, and wakes the workers that it left something for (<see cref="UdpWorker.Wake"/>).</summary>
    void EndTurn(Instant now);
}
