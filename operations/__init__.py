"""Operations on a stage, free of any user interface."""
