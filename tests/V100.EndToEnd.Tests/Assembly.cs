// Two browsers fill a small machine: one call at a time.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
