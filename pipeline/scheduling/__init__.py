"""How stages run side by side: DVC's graph and judgement, the machine's slots, and a process that guards each stage."""
