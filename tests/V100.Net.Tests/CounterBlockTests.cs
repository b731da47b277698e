namespace V100.Net.Tests;

public class CounterBlockTests
{
    private enum Fruit
    {
        Apples,
        Pears,
    }

    [Fact]
    public void Counts_are_kept_apart_and_summed()
    {
        CounterBlock<Fruit> one = new();
        CounterBlock<Fruit> two = new();
        one.Increment(Fruit.Apples);
        one.Add(Fruit.Pears, 5);
        two.Add(Fruit.Pears, 7);
        Assert.Equal(1, one.Read(Fruit.Apples));
        Assert.Equal(5, one.Read(Fruit.Pears));
        Assert.Equal(12, CounterBlock.Sum([one, two], Fruit.Pears));
        Assert.Equal(2, CounterBlock<Fruit>.Count);
    }

    [Fact]
    public void A_counter_that_does_not_exist_is_refused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new CounterBlock<Fruit>().Increment((Fruit)2));
}
