# The same entry for PowerShell users; all logic stands in build.cs.
Set-Location $PSScriptRoot
dotnet run build.cs -- @args
exit $LASTEXITCODE
