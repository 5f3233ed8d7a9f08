"""Names of residues: the 20 amino acids and 5 nucleotides, and what force fields call them."""

AMINO_ACIDS = (
    "ALA", "ARG", "ASN", "ASP", "CYS", "GLN", "GLU", "GLY", "HIS", "ILE",
    "LEU", "LYS", "MET", "PHE", "PRO", "SER", "THR", "TRP", "TYR", "VAL",
)  # fmt: skip
NUCLEOTIDES = ("A", "C", "G", "U", "T")

# Protonation states and disulphides of CHARMM, Amber and OPLS; selenomethionine stands for methionine.
_AMINO_ACID_ALIASES = {
    "HSD": "HIS", "HSE": "HIS", "HSP": "HIS", "HID": "HIS", "HIE": "HIS", "HIP": "HIS",
    "CYX": "CYS", "CYM": "CYS", "CYS2": "CYS", "ASH": "ASP", "ASPP": "ASP", "GLH": "GLU", "GLUP": "GLU",
    "LYN": "LYS", "LSN": "LYS", "ARN": "ARG", "TYM": "TYR", "MSE": "MET",
}  # fmt: skip
_NUCLEOTIDE_ALIASES = {
    "ADE": "A", "CYT": "C", "GUA": "G", "URA": "U", "THY": "T",
    **{f"{s}{base}{end}": base for s in ("", "R", "D") for base in NUCLEOTIDES for end in ("", "3", "5")},
}  # fmt: skip


def standard_residue(resname: str) -> str | None:
    """The standard name of a residue (`"HSD"` is `"HIS"`, `"DA5"` is `"A"`), None for any other."""
    name = resname.strip().upper()
    if name in AMINO_ACIDS:
        return name
    return _AMINO_ACID_ALIASES.get(name) or _NUCLEOTIDE_ALIASES.get(name)
