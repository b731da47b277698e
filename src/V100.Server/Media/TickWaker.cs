using System.Collections.Concurrent;
using V100.Sfu.Rooms;

namespace V100.Server.Media;

/// <summary>Wakes the listeners of rooms that have news, on a thread of the pool: whoever made the news does not wait for it, however many they are.</summary>
internal sealed class TickWaker : IThreadPoolWorkItem
{
    private readonly ConcurrentQueue<TickLog> _told = new();
    private int _isQueued;

    public void Add(TickLog log)
    {
        _told.Enqueue(log);
        if (Interlocked.Exchange(ref _isQueued, 1) == 0)
        {
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
    }

    void IThreadPoolWorkItem.Execute()
    {
        Interlocked.Exchange(ref _isQueued, 0);
        while (_told.TryDequeue(out TickLog? log))
        {
            log.WakeListeners();
        }
    }
}
