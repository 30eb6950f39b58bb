"""Tables, images and other media: what they hold, and how they become files of an artifact and come back.

Nothing here imports numpy, pyarrow or Pillow before it needs them; the extra `tables` brings them.
"""
