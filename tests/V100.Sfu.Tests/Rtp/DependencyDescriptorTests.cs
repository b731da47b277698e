using V100.Sfu.Rtp;

namespace V100.Sfu.Tests.Rtp;

public class DependencyDescriptorTests
{
    [Fact]
    public void Mandatory_and_extended_flags_are_read()
    {
        Assert.True(DependencyDescriptor.TryParse(Convert.FromHexString("85123480"), out DependencyDescriptor key));
        Assert.True(key.StartsFrame);
        Assert.False(key.EndsFrame);
        Assert.Equal(5, key.TemplateId);
        Assert.Equal(0x1234, key.FrameNumber);
        Assert.True(key.HasStructure);
        Assert.False(key.HasActiveDecodeTargets);

        Assert.True(DependencyDescriptor.TryParse(Convert.FromHexString("411235"), out DependencyDescriptor delta));
        Assert.True(delta.EndsFrame);
        Assert.False(delta.HasStructure);
        Assert.False(DependencyDescriptor.TryParse(Convert.FromHexString("4112"), out _));
    }
}
