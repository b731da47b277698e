namespace V100.Stun.Tests;

public class StunMessageTypeTests
{
    [Fact]
    public void Method_and_class_survive_the_interleaving()
    {
        foreach (StunClass @class in Enum.GetValues<StunClass>())
        {
            for (int method = 0; method < 0x1000; method++)
            {
                var type = new StunMessageType((StunMethod)method, @class);
                Assert.Equal((method, @class), ((int)type.Method, type.Class));
                Assert.Equal(0, type.Value & 0xC000);
            }
        }
    }

    [Theory]
    [InlineData(0x0001, StunMethod.Binding, StunClass.Request)]
    [InlineData(0x0101, StunMethod.Binding, StunClass.Success)]
    [InlineData(0x0111, StunMethod.Binding, StunClass.Error)]
    [InlineData(0x0016, StunMethod.Send, StunClass.Indication)]
    [InlineData(0x0017, StunMethod.Data, StunClass.Indication)]
    [InlineData(0x0113, StunMethod.Allocate, StunClass.Error)]
    public void The_types_on_the_wire(int value, StunMethod method, StunClass @class) =>
        Assert.Equal(value, new StunMessageType(method, @class).Value);
}
