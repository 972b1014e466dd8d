# The first step of action.yml on Windows, as action/install is elsewhere: the same order, the same checks.
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

function Say([string] $Level, [string] $Text) {
    $Line = $Text.Replace('%', '%25') -replace '[\r\n]+', ' '
    Write-Output "::$Level title=oci-artifact::$Line"
}

function Fail([string] $Text) {
    Write-Host (Say 'error' $Text)
    exit 1
}

function Set-Binary([string] $Path) {
    Add-Content -Path $env:GITHUB_OUTPUT -Value "binary=$Path" -Encoding utf8
    exit 0
}

function Get-Sha256([string] $Path) {
    (Get-FileHash -Algorithm SHA256 -LiteralPath $Path).Hash.ToLowerInvariant()
}

$Instead = 'or set OCI_ARTIFACT_BIN to a binary that the job brings'
if ($env:OCI_ARTIFACT_BIN) {
    if (-not (Test-Path -PathType Leaf -LiteralPath $env:OCI_ARTIFACT_BIN)) {
        Fail "OCI_ARTIFACT_BIN names $env:OCI_ARTIFACT_BIN, which is no program here"
    }
    Set-Binary $env:OCI_ARTIFACT_BIN
}

# In a checkout of the sources, `uses: ./`: a build by cargo.
$Action = [IO.Path]::GetFullPath($env:GITHUB_ACTION_PATH).TrimEnd('\', '/')
$Workspace = [IO.Path]::GetFullPath($env:GITHUB_WORKSPACE).TrimEnd('\', '/')
$Inside = "$Action\".StartsWith("$Workspace\", [StringComparison]::OrdinalIgnoreCase)
if ($Inside -and (Test-Path -LiteralPath "$Action\Cargo.toml")) {
    Push-Location -LiteralPath $Action
    cargo build --release --locked --bin oci-artifact --target-dir "$Action\target"
    if ($LASTEXITCODE -ne 0) { Fail 'cargo could not build oci-artifact: its errors are above' }
    Set-Binary "$Action\target\release\oci-artifact.exe"
}

# The release that action/version names.
if (-not (Test-Path -LiteralPath "$Action\action\version")) {
    Fail "this commit of the action has no release: use a tag such as v1 or the commit that a tag names, $Instead"
}
$Version = (Get-Content -Raw -LiteralPath "$Action\action\version").Trim()
$Platform = "windows-$($env:RUNNER_ARCH.ToLowerInvariant())"
$Stem = "oci-artifact-$Version-$Platform"
$Sums = @{}
foreach ($Line in Get-Content -LiteralPath "$Action\action\checksums.txt") {
    $Sum, $Name = $Line -split '  ', 2
    $Sums[$Name] = $Sum
}
$ArchiveSum = $Sums["$Stem.zip"]
$ProgramSum = $Sums["$Stem/oci-artifact.exe"]
if (-not ($ArchiveSum -and $ProgramSum)) {
    Fail "oci-artifact $Version has no program for ${Platform}: build one, and set OCI_ARTIFACT_BIN to it"
}

$Root = if ($env:RUNNER_TOOL_CACHE) { $env:RUNNER_TOOL_CACHE } else { $env:RUNNER_TEMP }
$Directory = "$Root\oci-artifact\$Version\$($env:RUNNER_ARCH.ToLowerInvariant())"
$Program = "$Directory\oci-artifact.exe"
if (Test-Path -PathType Leaf -LiteralPath $Program) {
    if ((Get-Sha256 $Program) -eq $ProgramSum) { Set-Binary $Program }
    Say 'warning' "$Program is not the program that was released as ${Version}: it is installed anew"
}

if ($env:OCI_ARTIFACT_MIRROR) {
    $Places = @($env:OCI_ARTIFACT_MIRROR.TrimEnd('/'))
} elseif ($env:ACTION_REPOSITORY) {
    $Places = @("$($env:GITHUB_SERVER_URL.TrimEnd('/'))", 'https://github.com') | Select-Object -Unique |
        ForEach-Object { "$_/$env:ACTION_REPOSITORY/releases/download" }
} else {
    Fail "the runner does not tell of which repository this action is: set OCI_ARTIFACT_MIRROR, $Instead"
}

$Work = "$Directory\.new.$([Guid]::NewGuid())"
New-Item -ItemType Directory -Force -Path $Work | Out-Null
try {
    $Failures = ''
    $Url = ''
    foreach ($Place in $Places) {
        $Url = "$Place/v$Version/$Stem.zip"
        try {
            Invoke-WebRequest -Uri $Url -OutFile "$Work\archive.zip" -MaximumRetryCount 4 -RetryIntervalSec 3
            $Failures = ''
            break
        } catch {
            $Failures += "${Url}: $($_.Exception.Message); "
        }
    }
    if ($Failures) {
        Fail ("the release could not be downloaded. ${Failures}see whether the runner reaches that address, set " +
            "OCI_ARTIFACT_MIRROR to a mirror of .../releases/download, $Instead")
    }
    $Found = Get-Sha256 "$Work\archive.zip"
    if ($Found -ne $ArchiveSum) {
        Fail ("$Stem.zip from $Url is not what was released: its sha256 is $Found instead of $ArchiveSum. It was not " +
            'unpacked. If a proxy or a mirror changed it, mend that; else tell the maintainers')
    }
    Expand-Archive -LiteralPath "$Work\archive.zip" -DestinationPath "$Work\archive"
    $Found = Get-Sha256 "$Work\archive\oci-artifact.exe"
    if ($Found -ne $ProgramSum) { Fail "the program in $Stem.zip has the sha256 $Found instead of $ProgramSum" }
    # Whole or not at all: another job on this runner may look at the same moment.
    Move-Item -Force -LiteralPath "$Work\archive\oci-artifact.exe" -Destination $Program
} finally {
    Remove-Item -Recurse -Force -LiteralPath $Work -ErrorAction SilentlyContinue
}
Write-Output "oci-artifact $Version for $Platform, from $Url"
Set-Binary $Program
