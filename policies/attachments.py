"""Files that no mail may carry: programs, by their name, their stated type and their first bytes."""

from policies.decision import Finding, Verdict
from policies.facts import File, Outbound, content_of

_NAMES = """
    ade adp apk appx appxbundle bat cab chm cmd com cpl dll dmg exe hta ins iso isp jar js jse lnk mde msc msi msix
    msixbundle msp mst nsh pif ps1 scr sct shb sys vb vbe vbs vhd vhdx vxd wsc wsf wsh xll
"""
_TYPES = """
    application/hta application/java-archive application/javascript application/vnd.android.package-archive
    application/vnd.microsoft.portable-executable application/x-apple-diskimage application/x-bat
    application/x-dosexec application/x-executable application/x-mach-binary application/x-ms-shortcut
    application/x-msdos-program application/x-msdownload application/x-msi application/x-sharedlib text/javascript
"""
_PROGRAM_NAMES, _PROGRAM_TYPES = frozenset(_NAMES.split()), frozenset(_TYPES.split())
_MACH_O = tuple(bytes.fromhex(head) for head in ("feedface", "feedfacf", "cefaedfe", "cffaedfe", "cafebabe"))


def prohibited_attachment(facts: Outbound) -> Finding | None:
    """A program as an attachment is never sent; an approval does not change that."""
    for place, file in enumerate(content_of(facts).files, 1):
        why = program(file)
        if why:
            # its name may be a stranger's, whose file is passed on
            reason = f"Attachment {place} may not be sent: {why}."
            return Finding("prohibited_attachment", Verdict.DENY, reason, code="content_blocked")
    return None


def program(file: File) -> str:
    """Why a file counts as a program, in words; '' when it does not."""
    # Windows drops dots and spaces at the end of a name, and so runs "a.exe. "
    extension = file.name.rstrip(". ").rpartition(".")[2].lower()
    if extension in _PROGRAM_NAMES and "." in file.name:
        return f"files named .{extension} are programs"
    content_type = file.content_type.partition(";")[0].strip().lower()
    if content_type in _PROGRAM_TYPES:
        return f"{content_type} is the type of a program"
    return _sniffed(file.head)


def _sniffed(head: bytes) -> str:
    # "MZ" alone may begin a text; a program's header has zeros
    if head.startswith(b"MZ") and b"\0" in head:
        return "its first bytes are those of a Windows program"
    if head.startswith(b"\x7fELF"):
        return "its first bytes are those of a Linux program"
    if head.startswith(_MACH_O):
        return "its first bytes are those of a macOS or Java program"
    if head.startswith(bytes.fromhex("4c0000000114020000000000c000000000000046")):
        return "its first bytes are those of a Windows shortcut"
    return ""
