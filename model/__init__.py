"""The network of section 4 as pure tensor functions: no files, no settings, no logging.

One letter means one thing in the whole package:

    X         images, the bytes of their pixels    B 3 height width, uint8
    features  f(X), before the last pooling        B C H W
    A_i       one local classifier's logits        B n L+1 H W, the background last
    A         their maximum over i (Eq. 1)         B L+1 H W
    M         attention map (section 4.3)          B H W
    M_b       M above its Otsu threshold           B H W, bool, no gradient
    w         share of attended cells               B
    t         category of the image                B

    B images, n local classifiers, L categories, C x H x W feature maps; pixels are height x width

Read in this order: ``backbone``, ``attention``, ``otsu``, ``losses``, ``network``, ``prediction``, ``boxes``.
"""
